# Says that a word is no target, and which of the Makefile's comes nearest to it by letters changed.
function distance(a, b,    i, j, n, m, d, cost) {
    n = length(a); m = length(b)
    for (i = 0; i <= n; i++) d[i, 0] = i
    for (j = 0; j <= m; j++) d[0, j] = j
    for (i = 1; i <= n; i++)
        for (j = 1; j <= m; j++) {
            cost = substr(a, i, 1) != substr(b, j, 1)
            d[i, j] = least(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + cost)
            # Two letters that changed places are one slip.
            if (i > 1 && j > 1 && substr(a, i, 1) == substr(b, j - 1, 1) && substr(a, i - 1, 1) == substr(b, j, 1))
                d[i, j] = least(d[i, j], d[i - 2, j - 2] + 1, d[i, j])
        }
    return d[n, m]
}
function least(x, y, z) { x = x < y ? x : y; return x < z ? x : z }
BEGIN { best = 3 }
/^[a-z][a-z-]*:.*##/ {
    name = $0; sub(/:.*/, "", name)
    far = distance(word, name)
    if (far < best && far < length(name)) { best = far; nearest = name }
}
END {
    hint = nearest ? "did you mean " nearest "? " : ""
    printf "There is no target %s; %smake help lists all.\n", word, hint
}
