"""Histone marks to expression: promoter networks, Chromoformer and what simple models reach."""
