"""Train: data, windows, the LightningModule, exact resuming."""
