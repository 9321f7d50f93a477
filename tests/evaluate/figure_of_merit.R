# The wAFROC figure of merit by its formula, of the sheets of froc-rjafroc.xlsx; what froc holds.
library(readxl)
sheet <- function(name) as.data.frame(read_excel(file.path(run, "paper", "froc-rjafroc.xlsx"), name))
truth <- sheet("TRUTH"); hits <- sheet("TP"); alarms <- sheet("FP")
stopifnot(identical(names(truth), c("CaseID", "LesionID", "Weight", "ReaderID", "ModalityID", "Paradigm")),
          is.character(truth$ReaderID), is.numeric(truth$CaseID), all(truth$CaseID %% 1 == 0))
highest <- function(case) max(-Inf, alarms$FP_Rating[alarms$CaseID == case])
rating <- function(case, lesion) max(-Inf, hits$TP_Rating[hits$CaseID == case & hits$LesionID == lesion])
normal <- sapply(truth$CaseID[truth$LesionID == 0], highest)
lesions <- truth[truth$LesionID > 0, ]
won <- mapply(function(case, lesion, weight) {
  y <- rating(case, lesion)
  weight * mean(ifelse(y > normal, 1, ifelse(y == normal, 0.5, 0)))
}, lesions$CaseID, lesions$LesionID, lesions$Weight)
cat("wAFROC", sum(won) / length(unique(lesions$CaseID)), "\n")
cat("FROC", nrow(froc), max(froc$sensitivity), max(froc$fp_per_image), "\n")
