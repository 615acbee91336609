"""The paper's claims, in small: the same budget for each variant of the method, several seeds, rooms never seen."""
