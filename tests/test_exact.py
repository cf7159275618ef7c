"""What trains uses no operation that differs between processors."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.learning.exact import square_root
from lib.run import store

TRAINS = ("learning", "screen", "regulation", "lincs", "genesegnet", "epigenome")
ROOTS = {"sqrt", "sqrt_", "rsqrt", "rsqrt_"}
PLAIN = {"np", "numpy", "math"}  # correctly rounded everywhere
FUSED = {"Adam", "AdamW", "Adagrad"}
UNFUSED = {"NAdam", "RAdam", "RMSprop", "Adadelta", "Adamax"}  # take roots and cannot be fused


def offences(source: str) -> list[str]:
    """Return what a module that imports torch may not call, with line numbers."""
    tree = ast.parse(source)
    names = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {
        (node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    if not names & {"torch", "torch_geometric"}:
        return []
    froms = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "torch.optim"
    ]
    optimisers = {alias.asname or alias.name for node in froms for alias in node.names}
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if _is_offence(node, optimisers)
    ]


def _is_offence(node: ast.AST, optimisers: set[str]) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Pow) and _half(node.right)
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    base = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    if name in ROOTS:
        return base not in PLAIN and not base.endswith(".double()")
    if name in ("pow", "pow_", "float_power"):
        return any(_half(argument) for argument in node.args)
    if not (base.endswith("optim") or (not base and name in optimisers)):
        return False  # not torch's
    fused = any(
        word.arg == "fused" and getattr(word.value, "value", None) is True for word in node.keywords
    )
    return name in UNFUSED or (name in FUSED and not fused)


def _half(node: ast.AST) -> bool:
    return ast.unparse(node).strip("()-") in ("0.5", "1 / 2")


def test_what_trains_takes_no_root_that_differs_between_processors():
    files = [file for chapter in TRAINS for file in Path(store.ROOT, "lib", chapter).rglob("*.py")]
    assert len(files) > 20
    found = {
        str(file.relative_to(store.ROOT)): offences(file.read_text(encoding="utf-8"))
        for file in files
    }
    assert {name: lines for name, lines in found.items() if lines} == {}, (
        "use lib.learning.exact.square_root, fused=True"
    )


@pytest.mark.parametrize(
    ("line", "n"),
    [
        ("x.sqrt()", 1),
        ("torch.rsqrt(x)", 1),
        ("x.pow(0.5)", 1),
        ("x ** 0.5", 1),
        ("x ** -0.5", 1),
        ("torch.optim.Adam(p)", 1),
        ("from torch.optim import AdamW; AdamW(p, fused=False)", 1),
        ("optim.RMSprop(p)", 1),
        ("np.sqrt(x)", 0),
        ("math.sqrt(3)", 0),
        ("x.double().sqrt()", 0),
        ("x.pow(2)", 0),
        ("torch.optim.Adam(p, fused=True)", 0),
        ("optimisers.Adam()", 0),
    ],
)
def test_the_lint_sees_what_it_is_for(line, n):
    assert len(offences(f"import torch\n{line}\n")) == n
    if "import" not in line:
        assert offences(f"import numpy\n{line}\n") == [], "only modules that use torch"


def test_the_square_root_is_correctly_rounded_and_has_its_gradient():
    values = torch.rand(50_000, generator=torch.Generator().manual_seed(0)) * 10
    expected = np.sqrt(values.numpy().astype(np.float64)).astype(np.float32)
    assert (square_root(values).numpy() == expected).all() and square_root(
        values
    ).dtype == torch.float32
    few = torch.tensor([0.25, 4.0], requires_grad=True)
    square_root(few).sum().backward()
    assert few.grad.tolist() == [1.0, 0.25]
