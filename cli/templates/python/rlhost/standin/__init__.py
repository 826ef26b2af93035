"""Small modules in the place of compiled ones that rewards import. They are found behind the plugin's own files and the
packages that plugin.toml requires, so that a real one comes first."""
