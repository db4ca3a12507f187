"""Wave tests on paths: smoothing, noise, interrupted ascents, drift, breaks and cycles."""
