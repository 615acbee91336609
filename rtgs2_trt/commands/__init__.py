"""The subcommands of ``rtgs2``, one module each."""
