"""`make demo`: a good release promoted and a bad one rolled back on a real cluster, with live traffic."""
