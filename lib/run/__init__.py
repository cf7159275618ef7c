"""The machinery that runs notebooks: plan, keys, processes, engines, parameters, provenance."""
