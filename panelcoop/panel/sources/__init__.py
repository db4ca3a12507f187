"""One small adapter per public source, one registry of downloads, and the weekly figures the study ships."""
