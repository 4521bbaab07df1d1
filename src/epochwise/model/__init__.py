"""Config -> trainable model: base weights, adapter, loss, the LightningModule."""
