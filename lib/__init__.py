"""The verbs of the compendium: every notebook is a story told with calls into this package."""
