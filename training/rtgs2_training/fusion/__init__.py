"""Training of the fusion network on rendered views: cache, augmentation, losses, loop."""
