//! Head and chest phantoms with known truth.
