"""Statistics that every chapter uses: multiple testing."""
