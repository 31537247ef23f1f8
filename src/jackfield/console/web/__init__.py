"""The pages of the console. `rights.py` says who may see what, `screens.py` what there is to configure."""
