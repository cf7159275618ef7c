"""From fields of view to nuclei: the image table, fields and masks, nuclei, features,
segmentation."""
