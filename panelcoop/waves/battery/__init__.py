"""The usual tests beside the primary one, each with its null, convention and warning."""
