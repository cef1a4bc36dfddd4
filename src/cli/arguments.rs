//! The command line as definitions: help, completions and the man page are all made from these.

use super::measuring::{Disturb, Evaluate, Inject};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// From a head CT to a printable cranial implant.
///
/// Without a command the window opens: on the last case, else on the sample, else on a phantom.
/// For research and design review, not a medical device.
#[derive(Debug, Parser)]
#[command(name = "calvaria", version, propagate_version = true, max_term_width = 100, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Print errors only, no progress
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// A site's own atlas and networks: a folder with any of mean_vault.bin, heads.bin, detector.safetensors,
    /// map.safetensors, volume.safetensors; otherwise the folder models among the program's data, where there is one
    #[arg(long, value_name = "DIR", global = true)]
    pub models: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  calvaria                                  open the window
  calvaria head.nrrd                        open the window on a scan or a case
  calvaria design head.nrrd --out part      design an implant without a window
  calvaria detect head.nrrd --json          where the vault is open
  calvaria phantom --out head.nrrd --defect right-frontal,20

A scan is an NRRD or NIfTI file, an InVesalius project (.inv3) or a folder of DICOM slices;
a two-valued volume is taken as a bone mask.

Exit codes: 0 done, 1 the window could not be opened, 2 usage, 3 input refused (or some of many failed),
4 no defect was found (design, compare), 5 could not write, 6 the part was written but fails a check.";

#[derive(Debug, Subcommand)]
pub enum Command {
    Open(Open),
    Design(Design),
    Reconstruct(Reconstruct),
    Detect(Detect),
    Compare(Compare),
    Inspect(Inspect),
    Mesh(MeshArguments),
    Phantom(Phantom),
    Label(Label),
    Atlas(Atlas),
    Evaluate(Evaluate),
    Inject(Inject),
    Disturb(Disturb),
    Train(Train),
    Completions(Completions),
    Man(Man),
}

/// Open the window on a scan or a case
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calvaria open head.nrrd\n  calvaria open dicom-folder\n  calvaria open case.calvaria"
)]
pub struct Open {
    /// A scan (file or folder) or a .calvaria case
    pub path: PathBuf,
}

/// The parameters of a run: defaults, then the recipe, then each --set in order
#[derive(Debug, Default, Args)]
pub struct Parameters {
    /// A recipe (TOML); what it leaves out keeps its default
    #[arg(long, value_name = "R.toml")]
    pub recipe: Option<PathBuf>,

    /// Set one parameter, for example implant.thickness_mm=4; may be repeated
    #[arg(long, value_name = "STEP.FIELD=VALUE")]
    pub set: Vec<String>,
}

/// Design the implant of the largest defect and write its files
///
/// Writes implant.3mf, implant.stl, implant.nrrd, complete.nrrd, skull.stl, report.json, recipe.toml and preview.png: all of
/// them or nothing (without a graphics adapter all but preview.png). Meshes are LPS in mm.
#[derive(Debug, Args)]
#[command(after_help = DESIGN_EXAMPLES)]
pub struct Design {
    /// The scan
    pub scan: PathBuf,

    /// Folder the files go into; made when it is not there
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,

    #[command(flatten)]
    pub parameters: Parameters,

    /// Print report.json on the standard output as well
    #[arg(long)]
    pub json: bool,
}

const DESIGN_EXAMPLES: &str = "\
Examples:
  calvaria design head.nrrd --out part
  calvaria design dicom-folder --out part --set implant.thickness_mm=3.5 --set reconstruct.method=mirror
  calvaria design head.nrrd --out again --recipe part/recipe.toml
  calvaria design head.nrrd --out second --set defect.index=1";

/// Complete defective skulls: binary masks in, complete skulls and implants out
///
/// Takes one volume, or a folder that is read recursively. Writes DIR/complete_skull/REL and DIR/implant/REL, where
/// REL is the path below the folder, ending .nrrd; on the same grid, uint8, gzip. The implant is the full removed
/// bone of every defect, without clearance or thinning. A file that fails is named, the rest go on.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calvaria reconstruct 001.nrrd --out done\n  calvaria reconstruct defective_skull --out done --method mirror"
)]
pub struct Reconstruct {
    /// A volume, or a folder of volumes
    #[arg(value_name = "MASK_OR_DIR")]
    pub input: PathBuf,

    /// Folder the results go into
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,

    /// How the bone is completed (reconstruct.method)
    #[arg(long, value_name = "NAME", value_parser = methods())]
    pub method: Option<String>,

    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
}

/// The words `reconstruct.method` takes, from the parameter's own table.
pub fn methods() -> clap::builder::PossibleValuesParser {
    use crate::parameter::{ParameterKind, Parameters as _};
    let specs = crate::reconstruct::Params::SPECS.iter();
    let words = specs.filter(|s| s.name == "method").find_map(|s| match s.kind {
        ParameterKind::Choice(words) => Some(words),
        _ => None,
    });
    clap::builder::PossibleValuesParser::new(words.unwrap_or(&[]))
}

/// Say where the vault is open that should be closed
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calvaria detect head.nrrd\n  calvaria detect head.nrrd --json | jq '.defects[0].region'"
)]
pub struct Detect {
    /// The scan
    pub scan: PathBuf,

    #[command(flatten)]
    pub parameters: Parameters,

    /// Print {"defects":[…]}, largest first, an empty list for a healthy head; with "findings" where the network disagrees
    #[arg(long)]
    pub json: bool,
}

/// Complete one defect by several methods and by three shapes drawn from the covariance, side by side
///
/// For each: how its own surface meets the rim (step and kink), how far it is from the other side, and how far from
/// auto. The picture shows these differences as maps on one scale.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calvaria compare head.nrrd\n  calvaria compare head.nrrd --picture methods.png --set defect.index=1\n  calvaria compare head.nrrd --json | jq '.alternatives[] | {name, difference_mm}'"
)]
pub struct Compare {
    /// The scan
    pub scan: PathBuf,

    #[command(flatten)]
    pub parameters: Parameters,

    /// Draw the maps of the differences (PNG)
    #[arg(long, value_name = "FILE.png")]
    pub picture: Option<PathBuf>,

    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
}

/// Say what a volume or an STL mesh is
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  calvaria inspect head.nrrd\n  calvaria inspect part/implant.stl --json")]
pub struct Inspect {
    /// A scan (file or folder) or an .stl mesh
    pub file: PathBuf,

    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Write the surface of the skull as STL or 3MF
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calvaria mesh head.nrrd --hu 300 --out skull.stl\n  calvaria mesh chest.nrrd --hu 300 --everything --out bones.stl"
)]
pub struct MeshArguments {
    /// The scan
    pub scan: PathBuf,

    /// Bone threshold, HU (skull.threshold_hu)
    #[arg(long, allow_negative_numbers = true)]
    pub hu: Option<f64>,

    /// The file: .stl or .3mf
    #[arg(long, short, value_name = "FILE")]
    pub out: PathBuf,

    /// Everything above the threshold, not only the skull (head rest, islands; any body part)
    #[arg(long)]
    pub everything: bool,

    /// Print what the mesh is as JSON
    #[arg(long)]
    pub json: bool,
}

/// Make a CT phantom with known truth
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calvaria phantom --out head.nrrd\n  calvaria phantom --out head.nrrd --defect left-parietal,40 --truth complete.nrrd --seed 7\n  calvaria phantom --out chest.nrrd --kind chest"
)]
pub struct Phantom {
    /// The volume (NRRD, HU)
    #[arg(long, short, value_name = "F.nrrd")]
    pub out: PathBuf,

    /// The same seed gives the same head
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Cut a hole out: region and area in cm², for example right-frontal,20
    #[arg(long, value_name = "REGION,CM2")]
    pub defect: Option<String>,

    /// Write the complete bone, before the hole was cut, as a mask
    #[arg(long, value_name = "complete.nrrd")]
    pub truth: Option<PathBuf>,

    /// Which body part
    #[arg(long, value_enum, default_value_t = Kind::Head)]
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A head: the input of everything else
    Head,
    /// A chest: to be refused
    Chest,
}

/// Label a folder of scans in a window of its own
///
/// Labels are kept in DIR/labels.json, written after every key.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calvaria label scans --by anna\n  calvaria label scans --labels vocabulary.toml\n  calvaria label scans --reading ben\n  calvaria label scans --agreement\n  calvaria label scans --export labels.csv"
)]
pub struct Label {
    /// The folder of scans
    pub dir: PathBuf,

    /// The vocabulary (TOML); the built-in one otherwise
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,

    /// Who labels; the reading's name where there is one
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,

    /// A reading of one's own, kept in DIR/labels-NAME.json: nobody else's answers are shown
    #[arg(long, value_name = "NAME")]
    pub reading: Option<String>,

    /// Say how far the readings of the folder agree, group by group, and open no window
    #[arg(long, conflicts_with_all = ["export", "reading", "by"])]
    pub agreement: bool,

    /// Write the labels as a table (.csv) or JSON (.json) and open no window
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
}

/// Work on the mean vault that ships with the program
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  calvaria atlas build complete_skull --out mean_vault.bin")]
pub struct Atlas {
    #[command(subcommand)]
    pub command: AtlasCommand,
}

#[derive(Debug, Subcommand)]
pub enum AtlasCommand {
    /// Build the mean vault from a folder of complete skull masks
    #[command(after_help = "Examples:\n  calvaria atlas build complete_skull --out mean_vault.bin")]
    Build {
        /// Folder of complete skulls (binary volumes), read recursively
        folder: PathBuf,

        /// The atlas file
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,

        /// A labelled skull whose bones name the vault's regions; the shipped vault's names otherwise
        #[arg(long, value_name = "FILE")]
        labels: Option<PathBuf>,

        /// Take the axes of the first skull, not those of the shipped vault (which was made so)
        #[arg(long, requires = "labels")]
        first_axes: bool,
    },
    /// Measure how each of many complete skulls differs from the mean vault in use
    ///
    /// The file becomes the program's own where it lies as heads.bin in the folder of models (see --models).
    #[command(
        after_help = "Examples:\n  calvaria atlas heads our_skulls --add --out models/heads.bin\n  calvaria atlas heads complete_skull --only atlas.txt --out heads.bin"
    )]
    Heads {
        /// Folder of complete skulls (binary volumes), read recursively
        folder: PathBuf,

        /// Only the skulls named in this list (one a line)
        #[arg(long, value_name = "FILE")]
        only: Option<PathBuf>,

        /// Put them beside the heads in use; those that are among them already stay single
        #[arg(long)]
        add: bool,

        /// The file of heads
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Train a network on whole skulls, on the processor alone
///
/// Goes on where an interrupted training stopped, to the same bits. Writes DIR/NETWORK.safetensors, and on the way
/// DIR/checkpoint.safetensors, curve.csv, curve.png and what was made of each skull, once (DIR/views, cuts or volumes).
#[derive(Debug, Args)]
#[command(after_help = TRAIN_EXAMPLES)]
pub struct Train {
    #[command(subcommand)]
    pub command: TrainWhat,
}

const TRAIN_EXAMPLES: &str = "\
Examples:
  calvaria train detector --data complete_skull --out training
  calvaria train detector --data complete_skull --leave-out assets/splits/held-out.txt --recipe long.toml --out training
  calvaria train map --data our_skulls --fine-tune --out training
  calvaria train score --data training_set --weights training/detector.safetensors --out scores";

#[derive(Debug, Subcommand)]
pub enum TrainWhat {
    /// The detector: where vault bone is missing
    Detector(TrainRun),
    /// The map network: missing bone on a sheet about the hole
    Map(TrainRun),
    /// The volume network: the completed tables corrected by bone in cells about the hole
    Volume(TrainRun),
    /// Score a trained detector on skulls with known defects, and on the same skulls whole
    Score(TrainScore),
}

#[derive(Debug, Args)]
pub struct TrainRun {
    /// Folder of whole skulls, read recursively
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,

    /// How it is trained (TOML); what it leaves out keeps its default
    #[arg(long, value_name = "FILE")]
    pub recipe: Option<PathBuf>,

    /// Folder the weights go into
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,

    /// A list of skulls not to be touched (white space between names, # begins a comment); may be repeated
    #[arg(long, value_name = "FILE")]
    pub leave_out: Vec<PathBuf>,

    /// A list of skulls to look at but not to train on; every tenth otherwise
    #[arg(long, value_name = "FILE")]
    pub validation: Option<PathBuf>,

    /// Folder of implants by which some of the skulls were completed, named as they are: map and volume learn nothing
    /// from what lies in them
    #[arg(long, value_name = "FOLDER")]
    pub implants: Option<PathBuf>,

    /// Begin with the network in use instead of chance: for a site's own skulls. The net keeps its size; what a recipe
    /// does not say otherwise are 100 small steps
    #[arg(long)]
    pub fine_tune: bool,
}

#[derive(Debug, Args)]
pub struct TrainScore {
    /// Folder of skulls with known defects, laid out as for evaluate
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,

    /// The detector's weights
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,

    /// Only the skulls named in a list
    #[arg(long, value_name = "FILE")]
    pub only: Option<PathBuf>,

    /// Folder the figures go into
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,

    /// Fit the presence to these skulls and write the weights with it
    #[arg(long)]
    pub calibrate: bool,
}

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  calvaria completions bash > ~/.local/share/bash-completion/completions/calvaria\n  calvaria completions fish > ~/.config/fish/completions/calvaria.fish"
)]
pub struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Print the manual page, of the program or of one command
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  calvaria man | man -l -\n  calvaria man design > calvaria-design.1")]
pub struct Man {
    /// The command; the whole program otherwise
    pub command: Option<String>,
}
