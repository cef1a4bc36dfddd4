//! Arguments of the commands that measure reconstructions: test sets made, disturbed and scored.

use super::arguments::methods;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Score methods on skulls whose removed bone is known
///
/// Reads folders laid out as SkullFix (complete_skull/NAME and implant/NAME or defective_skull/NAME), as SkullBreak
/// (the same with implant/KIND/NAME) and pairs (NAME_complete and NAME_implant). Every method sees the defective skull
/// alone. Writes DIR/cases (one file a case and method, kept and not made again by a later run), table.md, cases.csv
/// and summary.json.
#[derive(Debug, Args)]
#[command(after_help = EVALUATE_EXAMPLES)]
pub struct Evaluate {
    /// Folder of skulls
    pub data: PathBuf,

    /// Methods, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "auto", value_parser = methods())]
    pub method: Vec<String>,

    /// Folder the figures go into
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,

    /// Only the skulls named in a list (white space between names, # begins a comment)
    #[arg(long, value_name = "FILE")]
    pub only: Option<PathBuf>,

    /// The folder of an earlier run on the undisturbed cases: adds the drop against them to the table
    #[arg(long, value_name = "DIR")]
    pub clean: Option<PathBuf>,

    /// Cases at once, as memory allows (up to 2 otherwise); take 1 to measure times
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,

    /// Leave a skull out of the atlas' heads where it is one of them (known by its complete shape, not by its name): of
    /// such a skull `auto` asks no network either, for it learned from it. The mean vault keeps its share of it, and `map`
    /// and `volume` what they learned
    #[arg(long)]
    pub leave_self_out: bool,

    /// Score every case again, also those scored by an earlier run
    #[arg(long)]
    pub fresh: bool,

    /// Write the predicted implants to DIR/implant/METHOD as well
    #[arg(long)]
    pub keep: bool,

    /// Print summary.json on the standard output
    #[arg(long)]
    pub json: bool,
}

const EVALUATE_EXAMPLES: &str = "\
Examples:
  calvaria evaluate training_set --out scores
  calvaria evaluate training_set --method auto,mirror,smooth --only assets/splits/held-out.txt --out scores
  calvaria evaluate training_set --leave-self-out --out all-scores";

/// Cut defects with known truth into complete skulls
///
/// Takes a complete skull mask or a folder of them. Writes DIR/complete_skull/NAME, DIR/defective_skull/KIND/NAME and
/// DIR/implant/KIND/NAME, the layout that evaluate reads, and DIR/injected.csv with seed, area and hash of each. The
/// same seed cuts the same defect.
#[derive(Debug, Args)]
#[command(after_help = INJECT_EXAMPLES)]
pub struct Inject {
    /// A complete skull (binary volume), or a folder of them
    #[arg(value_name = "MASK_OR_DIR")]
    pub input: PathBuf,

    /// Folder the results go into
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,

    /// What is cut
    #[arg(long, value_enum, default_value_t = Cut::Patch)]
    pub kind: Cut,

    /// Area of the removed outer surface, cm²: one value or a range
    #[arg(long, value_name = "CM2|LOW..HIGH", default_value = "10..100")]
    pub area: String,

    /// The first seed; each further defect of a skull takes the next
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Defects a skull, each in a file of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,

    /// Defects at once in a file: this one and smaller ones elsewhere (otherwise one, in one of twenty two)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=6))]
    pub holes: Option<u32>,

    /// Fray the cut edge by up to this, mm
    #[arg(long, value_name = "MM", default_value_t = 0.0)]
    pub fray: f64,

    /// Loose pieces of bone left in the defect
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub fragments: u32,

    /// Cut this much of the vertex out of the scan, mm
    #[arg(long, value_name = "MM", default_value_t = 0.0)]
    pub vertex: f64,

    /// End the scan this far below the head's circumference, mm
    #[arg(long, value_name = "MM")]
    pub base: Option<f64>,

    /// The fixed test set instead: ten patches a skull, two of each size, seeds by the skull's number
    #[arg(long, conflicts_with_all = OWN_CUTS)]
    pub protocol_b: bool,

    /// Make the defects of an earlier injected.csv again, and compare each with its hash
    #[arg(long, value_name = "FILE", conflicts_with_all = OWN_CUTS, conflicts_with = "protocol_b")]
    pub list: Option<PathBuf>,

    /// Only the skulls named in a list
    #[arg(long, value_name = "FILE")]
    pub only: Option<PathBuf>,
}

const OWN_CUTS: [&str; 9] = ["kind", "area", "seed", "count", "holes", "fray", "fragments", "vertex", "base"];

const INJECT_EXAMPLES: &str = "\
Examples:
  calvaria inject complete.nrrd --out cut --area 40..80 --seed 7
  calvaria inject complete_skull --out cut --kind box --count 3
  calvaria inject complete_skull --out train --holes 2 --fray 1.5 --fragments 3 --vertex 30
  calvaria inject complete_skull --out b --protocol-b --only assets/splits/held-out.txt
  calvaria inject complete_skull --out b --list assets/splits/protocol-b.csv";

/// Turn, coarsen, cut off, roughen and mirror skulls together with their truth
///
/// Takes a folder as evaluate does. Seven disturbances a case (rotation, resampling, vertex, base, noise, fragments,
/// mirror), seeds by the skull's number. Writes DIR/defective_skull/WHAT/CASE and DIR/implant/WHAT/CASE, and
/// DIR/disturbed.csv with seeds and hashes. A cut that leaves less than half of the implant in view is skipped.
#[derive(Debug, Args)]
#[command(after_help = DISTURB_EXAMPLES)]
pub struct Disturb {
    /// Folder of skulls with their truth
    pub data: PathBuf,

    /// Folder the results go into
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,

    /// Only the skulls named in a list
    #[arg(long, value_name = "FILE")]
    pub only: Option<PathBuf>,

    /// An earlier disturbed.csv: every case has to come out as listed there
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,

    /// One disturbance a case instead of all seven, in turn
    #[arg(long)]
    pub in_turn: bool,
}

const DISTURB_EXAMPLES: &str = "\
Examples:
  calvaria disturb training_set --only assets/splits/held-out.txt --out c
  calvaria disturb training_set --only assets/splits/held-out.txt --out c --list assets/splits/protocol-c.csv
  calvaria disturb b --in-turn --out cb --list assets/splits/protocol-c-of-b.csv
  calvaria evaluate c --clean a-scores --out c-scores";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cut {
    /// A box with a cylinder at each corner, as SkullFix was cut
    Box,
    /// A cube in any turn
    Cube,
    /// A ball
    Sphere,
    /// An irregular patch with slanted walls
    Patch,
}
