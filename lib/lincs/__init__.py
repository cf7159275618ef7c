"""Deep generative models of LINCS L1000 signatures: a variational autoencoder and a supervised
VQ-VAE.

Xue, Ding and Lu, npj Systems Biology and Applications 6:35 (2020),
https://doi.org/10.1038/s41540-020-00158-2.
"""
