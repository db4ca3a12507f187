"""Panel -> estimates."""
