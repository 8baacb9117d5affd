//! Says what a sequence is: families (rules), notations (how a value is written), vocabularies.
