# Prints the targets of the Makefile by their ## comments, then the settings of docs/settings.md.
FNR == 1 { file++ }
file == 1 && /^## / { printf "\n%s\n", substr($0, 4) }
file == 1 && /^[a-z][a-z-]*:.*##/ {
    name = $0; sub(/:.*/, "", name)
    text = $0; sub(/.*##[ ]*/, "", text)
    printf "  %-14s %s\n", name, text
}
file == 2 && FNR == 1 {
    print "\nOn every target"
    print "  CONFIG=FILE    settings that differ from the defaults (configs/*.yaml)"
    print "  RUN=FOLDER     where everything goes; runs/<name of the config> if absent"
    print "  SET=\"a.b=1 c.d=x\"  settings for this run, remembered by it"
    print "                 a value with blanks in quotation marks: SET=\"data.root='my data'\""
    print "  FORCE=1        redo the targets that are named"
    print "  MODEL=RUN      heatmap, evaluate: use the model of another run folder"
    print "  INPUT=FOLDER   the data: a folder, a file or a list of files; the same as SET=\"data.root=FOLDER\""
    print "  SEEDS=4        train: so many networks, whose mean is the model; the same as SET=\"train.members=4\""
    print "  SCHEDULER=tcp://HOST:PORT  preprocess, heatmap: the work over images on a Dask cluster"
    print "\nSettings (setting = default: meaning)"
}
file == 2 && /^\| `/ {
    split($0, cell, " *\\| *")
    gsub(/`/, "", cell[2]); gsub(/`/, "", cell[3])
    printf "  %s = %s: %s\n", cell[2], cell[3], cell[4]
}
