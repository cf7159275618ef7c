#!/bin/sh
# Everything that the notebooks and the tests need: system packages, R's annotation, and `.venv` from requirements.lock.
# `make` calls this first. It returns at once when nothing changed, and goes on where it stopped when it was interrupted.
#
#   sh setup.sh                        # make or complete the environment
#   PYTHON=python3.12 sh setup.sh      # with the interpreter of your choice
#
# Packages come from wherever your own pip and uv settings say. What it does is logged in .tools/setup.log.
set -eu
cd "$(dirname "$0")"

UV='uv>=0.13.8,<0.14'
FREE_GB=8 # .venv is 6.3 GB; the rest is room for downloads
APT='DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600'
log=.tools/setup.log
stamp=.venv/.ready

die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# --- Is there anything to do? --------------------------------------------------------------------------------------

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

# The key changes with the lock, the metadata, this script, the interpreter, the R in use and the place of the folder.
key() {
    {
        cat requirements.lock pyproject.toml setup.sh
        .venv/bin/python -ISc 'import sys; print(sys.version)'
        command -v R || echo 'no R'
        pwd
    } 2>/dev/null | sha256
}

ready() { [ -f "$stamp" ] && [ "$(key)" = "$(cat "$stamp")" ] && { [ -z "${PYTHON:-}" ] || same_python "$PYTHON"; }; }

version_of() { "$1" -ISc 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

same_python() { [ "$(version_of "$1")" = "$(version_of .venv/bin/python)" ]; }

# A linked folder is another checkout's: what is installed or written here would land there.
refuse_links() {
    for folder in .venv .tools; do
        [ ! -L $folder ] ||
            die "$folder is a link to $(readlink $folder), which is not written to; remove the link: the same command makes $folder here"
    done
}

# A copied .venv is ours to replace, but its scripts and its `import lib` lead to the folder it was made for.
home_of_venv() { cat .venv/lib/*/site-packages/compendium.pth 2>/dev/null || pwd; }
is_own() { [ "$(cd "$(home_of_venv)" 2>/dev/null && pwd -P)" = "$(pwd -P)" ]; }

# --- What does the machine lack? -----------------------------------------------------------------------------------

lack() { # lack "what, for the reader" "Debian packages"
    lacking="$lacking
  - $1"
    packages="$packages $2"
}

supported() { case $(version_of "$1") in 3.11 | 3.12 | 3.13) true ;; *) false ;; esac; }

# Sets `python` to the real path of a supported interpreter (never a shim or a .venv), or to nothing.
find_python() {
    python=
    if [ -n "${PYTHON:-}" ]; then
        supported "$PYTHON" || die "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13 (it says: $(version_of "$PYTHON" || true))"
    fi
    for candidate in ${PYTHON:-.venv/bin/python python3 python3.13 python3.12 python3.11}; do
        if supported "$candidate"; then
            python=$("$candidate" -ISc 'import sys; print(getattr(sys, "_base_executable", sys.executable))')
            return
        fi
    done
}

survey_python() {
    find_python
    if [ -z "$python" ]; then
        found=$(version_of python3) || found=none
        lack "Python 3.11, 3.12 or 3.13 (python3 here: $found)" 'python3 python3-dev python3-pip'
        return
    fi
    [ -f "$("$python" -ISc 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] ||
        lack "the C headers of $python" "python$(version_of "$python")-dev"
    "$python" -m pip --version >/dev/null 2>&1 || [ -x .tools/bin/uv ] || lack "pip for $python" python3-pip
}

survey_compiler() {
    { command -v cc && command -v c++; } >/dev/null || lack 'a C and a C++ compiler' g++
}

# One line for each thing that R lacks; the packages are looked for where this R looks for them.
r_lacks() {
    Rscript -e 'if (getRversion() < "4.2") cat("R\n")
        for (p in c("org.Hs.eg.db", "GO.db", "GOSemSim")) if (!length(find.package(p, quiet = TRUE))) cat(p, "\n")'
}

survey_r() {
    if ! { command -v R && command -v Rscript; } >/dev/null; then
        lack 'R 4.2 or later' r-base-core
        lack 'R packages org.Hs.eg.db, GO.db and GOSemSim' 'r-bioc-org.hs.eg.db r-bioc-go.db r-bioc-gosemsim'
        return
    fi
    for name in $(r_lacks); do
        case $name in
            R) lack "R 4.2 or later ($(command -v R) is $(R --version | sed -n '1s/^R version \([^ ]*\).*/\1/p'))" r-base-core ;;
            *) lack "R package $name (or in R: BiocManager::install(\"$name\"))" \
                "r-bioc-$(echo "$name" | tr '[:upper:]' '[:lower:]')" ;;
        esac
    done
}

survey() {
    lacking=''
    packages=''
    survey_python
    survey_compiler
    survey_r
}

# --- Getting it ----------------------------------------------------------------------------------------------------

step() { # step "what is done" command...: quiet, timed, with the end of the log if it fails
    printf 'setup: %s ... ' "$1"
    shift
    begin=$(date +%s)
    if "$@" >>"$log" 2>&1; then
        printf 'done in %s s\n' $(($(date +%s) - begin))
    else
        printf 'failed\n'
        explain
        exit 1
    fi
}

explain() {
    printf -- '--- end of %s\n' "$log" >&2
    tail -n 20 "$log" >&2
    printf -- '---\n' >&2
    if tail -n 60 "$log" | grep -qi 'no space left\|disk quota'; then
        echo "setup: the disk is full; free about $FREE_GB GB (or set UV_CACHE_DIR to a roomier place), then the same command again" >&2
    elif tail -n 60 "$log" | grep -qi 'resolv\|dns error\|unreachable\|timed out\|connection\|failed to fetch'; then
        echo 'setup: a package source cannot be reached; check the network, the proxy and your pip and uv settings, then the same command again' >&2
    else
        echo 'setup: after mending it, the same command goes on from here' >&2
    fi
}

# Prints the prefix that lets apt-get install; fails where it may not.
permission() {
    command -v apt-get >/dev/null || return 1
    [ "$(id -u)" != 0 ] || return 0
    { command -v sudo && sudo -n true; } >/dev/null 2>&1 && echo sudo
}

refuse() {
    {
        echo "setup: this machine lacks:$lacking"
        if command -v apt-get >/dev/null; then
            echo 'Ask someone who may install packages to run:'
            echo "  apt-get update && apt-get install --yes --no-install-recommends$packages"
        else
            echo 'Install these with your package manager.'
        fi
        echo 'Then the same command again. Without such rights: conda env create -f environment.yml (see the file).'
    } >&2
    exit 1
}

install_packages() {
    # shellcheck disable=SC2086 # words on purpose
    sh -ec "$1 dpkg --configure -a; $1 env $APT update; $1 env $APT install --yes --no-install-recommends $packages"
}

get_packages() {
    survey
    [ -n "$lacking" ] || return 0
    sudo=$(permission) || refuse
    step "installing with apt:$packages" install_packages "$sudo"
    survey
    [ -z "$lacking" ] || die "this release's apt does not bring:$lacking
Get it in another way (PYTHON=... names an interpreter), or: conda env create -f environment.yml"
}

check_space() {
    [ -d .venv/lib ] && ls -d .venv/lib/*/site-packages/torch >/dev/null 2>&1 && return
    cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME}}
    for place in . "$([ -d "$cache" ] && echo "$cache" || echo .)"; do
        free=$(df -Pk "$place" | awk 'NR == 2 { print int($4 / 1048576) }')
        [ "$free" -ge $FREE_GB ] || die "$FREE_GB GB of free disk are needed in $(cd "$place" && pwd), and $free are there"
    done
}

# uv does not read pip's settings: an index that is set for pip alone is handed on.
use_index_of_pip() {
    [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}${UV_CONFIG_FILE:-}" ] && [ ! -f "${XDG_CONFIG_HOME:-$HOME/.config}/uv/uv.toml" ] || return 0
    index=${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2>/dev/null)} || index=
    [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
}

get_uv() {
    .tools/bin/uv --version 2>/dev/null | grep -q '^uv 0\.13\.' ||
        step "installing $UV into .tools" "$python" -m pip install --quiet --upgrade --target .tools "$UV"
}

make_venv() {
    is_own || echo "setup: .venv was made for $(home_of_venv) and leads there; it is made anew for this folder"
    if ! is_own || [ ! -x .venv/bin/python ] || [ "$(version_of .venv/bin/python)" != "$(version_of "$python")" ]; then
        step "making .venv with Python $(version_of "$python")" .tools/bin/uv venv --clear --no-project --python "$python" .venv
    fi
    step 'installing the locked packages into .venv (some minutes the first time)' .tools/bin/uv pip sync \
        --python .venv --require-hashes --no-binary pcst-fast --compile-bytecode requirements.lock
    # `import lib` works from any folder: JupyterLab starts a notebook in notebooks/.
    pth=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/compendium.pth
    pwd >"$pth.part" && mv "$pth.part" "$pth" # in a hard-linked copy, writing into the file would change the other one
}

check_environment() {
    .venv/bin/python -c '
import torch, torchvision, lib.interactome.pcst
import rpy2.robjects as r
torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)  # fails where the two are not a pair
for package in ("org.Hs.eg.db", "GO.db", "GOSemSim"):
    assert r.r("requireNamespace")(package, quietly=True)[0], f"R cannot load {package}"
gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none in use"
print("torch", torch.__version__, "| torchvision", torchvision.__version__, "| GPU:", gpu, "|", r.r("R.version.string")[0])'
}

# --- In order ------------------------------------------------------------------------------------------------------

refuse_links
if ready; then exit 0; fi
for file in requirements.lock pyproject.toml; do [ -f $file ] || die "$file is missing"; done

mkdir -p .tools
exec 9>.tools/lock # two `make` at once: the second waits for the first
if command -v flock >/dev/null; then flock 9; fi
if ready; then exit 0; fi

trap 'echo; echo "setup: interrupted; the same command goes on where it stopped" >&2; exit 130' INT TERM
: >"$log"
# In its ABI mode rpy2 opens whatever R is there, and needs none of the libraries that R was compiled with.
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 RPY2_CFFI_MODE=ABI
rm -f "$stamp"
check_space
get_packages
use_index_of_pip
get_uv
make_venv
step 'checking the solver, the torch pair and R' check_environment
key >"$stamp.part" && mv "$stamp.part" "$stamp"
printf 'setup: ready: %s\n' "$(tail -n 1 "$log")"
