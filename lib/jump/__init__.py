"""The validation on JUMP: joins of its tables, its images, its batches, and the translation of
Fig 4C."""
