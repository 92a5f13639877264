"""What we know: wire types, tables and the functions that read and write them. Imports nothing of ours."""
