// Surfaces without holes, before anything is shaded.
void main() {}
