// TESSERA_OP(name, sources, writes, exactness): every kind of move. Read by printing, checks and kernels.
TESSERA_OP(copy, 1, true, "exact")        // from -> to, casting if the dtypes differ, through a program if there is one
TESSERA_OP(fill, 0, true, "exact")        // a constant, a pad, a rest -> to
TESSERA_OP(compare, 2, false, "checked")  // two source regions must hold the same bits (same dtype) or values
TESSERA_OP(compare_fill, 1, false, "checked")  // a source region must hold a constant
