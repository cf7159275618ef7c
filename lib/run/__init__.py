"""Nobody's science: plan, keys, runner, notebook process, compute, engines, parameters, progress,
files, provenance."""
