"""Statistics that every chapter uses: clusters, groups, intervals, multiple testing, resampling."""
