"""How much of the tuned speed the untuned config of each kernel of the gallery has, where the suite times it not."""
