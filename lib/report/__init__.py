"""What people look at: figures, published numbers, scorecard, site."""
