"""JSON of file transfers: LFS, Xet, bulk transfers."""
