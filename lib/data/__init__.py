"""What enters and leaves: errors of input, tables and their schemas, file formats."""
