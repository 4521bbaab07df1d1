"""Config -> trainable model: base weights, adapter, loss, the LightningModule."""

import logging
import warnings

# What libraries say about themselves, where a user can do nothing about it
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it advises a download of kernels
warnings.filterwarnings("ignore", ".*LeafSpec.*")
warnings.filterwarnings("ignore", ".*Position ids are not supported.*")  # by prompt methods
warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*", FutureWarning)
