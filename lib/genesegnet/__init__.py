"""GeneSegNet: cells from a stain and the places of transcripts, trained on labels that are not
quite right.
"""
