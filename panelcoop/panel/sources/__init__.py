"""One small adapter per public source, and one registry of what is downloaded."""
