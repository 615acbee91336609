"""The subcommands of ``rtgs2-train``, a module each: ``add_parser(commands)`` and ``run(arguments, console)``."""
