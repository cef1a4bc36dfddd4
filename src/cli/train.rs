use super::arguments::{Train, TrainRun, TrainWhat};
use super::cases;
use super::failure::Failure;
use super::output::{self, Meter};
use super::{train_score, volumes};
use crate::case;
use crate::geometry::{Cancelled, Progress};
use crate::network::detector::{Detector, HALF_AREA, KIND};
use crate::network::map::{MAP_KIND, MapNetwork};
use crate::network::volume::{VOLUME_KIND, VolumeNetwork};
use crate::network::{About, HELD_SHARE, Seen, UNetShape, Weights, WeightsError, pack_views, unpack_views};
use crate::skull::{HeadMaps, MeanVault};
use crate::train::{
    CURVE_SIZE, DetectorTask, FittedShare, MapCut, MapTask, Recipe, State, Task, TrainError, VolumeTask, VolumeView,
    WholeHead, curve_csv, curve_picture, map_errors, train,
};
use crate::view::Picture;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// `calvaria train`: networks from whole skulls.
pub fn run(arguments: &Train, quiet: bool) -> Result<(), Failure> {
    match &arguments.command {
        TrainWhat::Detector(run) => detector(run, quiet),
        TrainWhat::Map(run) => map(run, quiet),
        TrainWhat::Volume(run) => volume(run, quiet),
        TrainWhat::Score(score) => train_score::run(score, quiet),
    }
}

/// Skulls of a training: trained on, and looked at.
struct Skulls {
    training: Vec<Entry>,
    validation: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    name: String,
    file: PathBuf,
    /// The bone by which it was completed.
    implant: Option<PathBuf>,
}

impl Entry {
    /// Names the skull and what it was completed by: another one calls for another training.
    fn told(&self) -> String {
        let bytes = |file: &Path| std::fs::metadata(file).map_or(0, |m| m.len());
        let completed = self.implant.as_ref().map_or(String::new(), |f| format!(" completed by {}", bytes(f)));
        format!("{} of {} bytes{completed}", self.name, bytes(&self.file))
    }
}

/// One in this many skulls is looked at when no list says which.
const VALIDATION_SHARE: usize = 10;

fn skulls(run: &TrainRun) -> Result<Skulls, Failure> {
    let files = volumes::find(&run.data)?;
    let all = files.len();
    let mut implants: BTreeMap<String, PathBuf> = BTreeMap::new();
    if let Some(folder) = &run.implants {
        implants.extend(volumes::find(folder)?.into_iter().map(|(file, below)| (volumes::name(&below), file)));
    }
    let below: Vec<String> = files.iter().map(|(_, below)| volumes::name(below)).collect();
    let mut left_out = Vec::new();
    for list in &run.leave_out {
        left_out.extend(cases::names_below(list, &below, &run.data)?);
    }
    let mut entries: Vec<Entry> = files
        .into_iter()
        .map(|(file, below)| {
            let name = volumes::name(&below);
            let implant = implants.remove(&name);
            Entry { name, file, implant }
        })
        .filter(|e| !left_out.contains(&e.name))
        .collect();
    if let Some((name, file)) = implants.first_key_value() {
        return Err(Failure::Refused(format!(
            "{}: no skull below {} is called {name}; name each implant as the skull that it completes",
            file.display(),
            run.data.display()
        )));
    }
    let validation: Vec<Entry> = match &run.validation {
        Some(list) => {
            let wanted = cases::names_below(list, &below, &run.data)?;
            entries.iter().filter(|e| wanted.contains(&e.name)).cloned().collect()
        }
        None => entries.iter().skip(VALIDATION_SHARE - 1).step_by(VALIDATION_SHARE).cloned().collect(),
    };
    entries.retain(|e| validation.iter().all(|v| v.name != e.name));
    if entries.len() < 2 {
        return Err(Failure::Refused(format!(
            "{}: {} of its {all} volumes are left to train on; a training needs at least two whole skulls, and learns \
             little from fewer than ten",
            run.data.display(),
            entries.len()
        )));
    }
    Ok(Skulls { training: entries, validation })
}

/// The recipe's file over what it changes.
fn recipe(file: Option<&Path>, usual: Recipe) -> Result<Recipe, Failure> {
    let Some(file) = file else { return Ok(usual) };
    let refused = |word: String| Failure::Refused(format!("{}: {word}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|e| refused(e.to_string()))?;
    usual.changed_by(&text).map_err(|e| refused(e.to_string()))
}

/// What every training begins with: the recipe, the skulls, what the network sees of them, and the network to go on from.
struct Begun<T> {
    recipe: Recipe,
    from: Option<Weights>,
    /// Which atlas the skulls were looked at with.
    atlas: String,
    skulls: Skulls,
    training: Vec<Vec<T>>,
    validation: Vec<Vec<T>>,
}

impl<T> Begun<T> {
    /// The fitted numbers of the network to go on from.
    fn calibration(&self) -> BTreeMap<String, f64> {
        self.from.as_ref().map(|w| w.about.calibration.clone()).unwrap_or_default()
    }
}

fn begin<T>(run: &TrainRun, kept: &Kept<T>, kind: &str, file: &[u8], progress: &Progress) -> Result<Begun<T>, Failure> {
    let (from, usual) = match run.fine_tune {
        true => {
            let weights = Weights::beside(file, kind, MeanVault::in_use());
            let weights = weights.map_err(|e| Failure::Refused(format!("no network to go on from: {e}")))?;
            let UNetShape { widths, blocks, .. } = weights.about.shape.clone();
            (Some(weights), Recipe { widths, blocks, ..Recipe::fine_tuning() })
        }
        false => (None, Recipe::default()),
    };
    let recipe = recipe(run.recipe.as_deref(), usual)?;
    if let Some(UNetShape { widths, blocks, .. }) = from.as_ref().map(|w| &w.about.shape)
        && (recipe.widths != *widths || recipe.blocks != *blocks)
    {
        return Err(Failure::Refused(format!(
            "a fine-tuned net keeps its size, widths {widths:?} and blocks {blocks}; take widths and blocks out of the recipe"
        )));
    }
    let skulls = skulls(run)?;
    case::check_writable(&run.out)?;
    let every: Vec<&Entry> = skulls.training.iter().chain(&skulls.validation).collect();
    let mut training = views(&every, kept, &recipe, &run.out, progress)?;
    let validation = training.split_off(skulls.training.len());
    Ok(Begun { recipe, from, atlas: kept.atlas(), skulls, training, validation })
}

fn detector(run: &TrainRun, quiet: bool) -> Result<(), Failure> {
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let begun = begin(run, &SEEN, KIND, Detector::file().bytes(), &progress.part(0.0, 0.2))?;
    let task = DetectorTask::new(&begun.recipe, &begun.training, &begun.validation);
    // A detector says nothing before `train score --calibrate` has fitted this; until then a fair guess stands there.
    let calibration = match &begun.from {
        Some(weights) => weights.about.calibration.clone(),
        None => BTreeMap::from([(HALF_AREA.to_owned(), 2.0)]),
    };
    let weights = learn(&task, &begun, calibration, run, quiet, &progress.part(0.2, 1.0))?;
    write(&weights, KIND, run)
}

fn map(run: &TrainRun, quiet: bool) -> Result<(), Failure> {
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let begun = begin(run, &CUTS, MAP_KIND, MapNetwork::file().bytes(), &progress.part(0.0, 0.5))?;
    let task = MapTask::new(&begun.recipe, &begun.training, &begun.validation);
    let mut weights = learn(&task, &begun, begun.calibration(), run, quiet, &progress.part(0.5, 1.0))?;
    fit_share(&mut weights, &begun, |weights| task.fit(weights).map_err(|e| e.to_string()), quiet)?;
    write(&weights, MAP_KIND, run)?;
    let network = MapNetwork::new(&weights).map_err(|e| Failure::Refused(e.to_string()))?;
    let holes: usize = begun.validation.iter().map(Vec::len).sum();
    if holes > 0 && !quiet {
        output::line(&format!("{holes} holes in the validation skulls, on the network's map:"));
        for (name, of) in ["field", "auto"].iter().zip(map_errors(&network, &begun.validation)) {
            output::line(&format!(
                "{name}: mean error of outer / inner table {:.3} / {:.3} mm, Dice {:.4}, in band {:.0} %",
                of.outer_mm,
                of.inner_mm,
                of.dice,
                100.0 * of.in_band
            ));
        }
    }
    Ok(())
}

fn volume(run: &TrainRun, quiet: bool) -> Result<(), Failure> {
    let meter = Meter::new(quiet);
    let progress = meter.progress();
    let begun = begin(run, &VOLUMES, VOLUME_KIND, VolumeNetwork::file().bytes(), &progress.part(0.0, 0.2))?;
    let task = VolumeTask::new(&begun.recipe, &begun.training, &begun.validation);
    let mut weights = learn(&task, &begun, begun.calibration(), run, quiet, &progress.part(0.2, 1.0))?;
    fit_share(&mut weights, &begun, |weights| task.fit(weights).map_err(|e| e.to_string()), quiet)?;
    write(&weights, VOLUME_KIND, run)
}

/// Writes the weights, once nothing of them is missing any more.
fn write(weights: &Weights, kind: &str, run: &TrainRun) -> Result<(), Failure> {
    Ok(case::write_atomic(&run.out.join(format!("{kind}.safetensors")), &weights.to_bytes(kind))?)
}

/// Fits the share of the weights' correction that holds on the validation skulls.
fn fit_share<V>(
    weights: &mut Weights,
    begun: &Begun<V>,
    fit: impl Fn(&Weights) -> Result<FittedShare, String>,
    quiet: bool,
) -> Result<(), Failure> {
    if begun.validation.iter().all(Vec::is_empty) {
        if begun.from.is_none() {
            output::note(quiet, "no validation skulls: the whole of the network's correction counts");
        }
        return Ok(());
    }
    let FittedShare { share, start, whole, fitted } = fit(weights).map_err(Failure::Refused)?;
    weights.about.calibration.insert(HELD_SHARE.to_owned(), share);
    if !quiet {
        output::line(&format!(
            "mean Dice of the missing bone in the holes of the validation skulls: field {start:.4}, network {whole:.4}, a \
             share of {share:.2} of its correction {fitted:.4}"
        ));
    }
    Ok(())
}

/// Trains, keeps checkpoints and curves; gives back the weights.
fn learn<T: Task, V>(
    task: &T,
    Begun { recipe, from, atlas, skulls, .. }: &Begun<V>,
    calibration: BTreeMap<String, f64>,
    run: &TrainRun,
    quiet: bool,
    progress: &Progress,
) -> Result<Weights, Failure> {
    let shape = task.shape();
    let list = |of: &[Entry]| of.iter().map(Entry::told).collect::<Vec<_>>().join(", ");
    let mut told = format!("{}\n{}\n{}\n", recipe.to_toml(), list(&skulls.training), list(&skulls.validation));
    told.push_str(atlas);
    if let Some(weights) = from {
        told.push_str(&format!("from {}\n", weights.hash(task.kind())));
    }
    let checkpoint = run.out.join("checkpoint.safetensors");
    let refused = |e: TrainError| match e {
        TrainError::Keep(word) => Failure::Write(word),
        other => Failure::Refused(format!("{}: {other}", run.out.display())),
    };
    let state = match std::fs::read(&checkpoint) {
        Ok(bytes) => State::from_bytes(&bytes, task.kind(), &shape, &told).map_err(refused)?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => match from {
            Some(weights) => State::from_weights(weights, &shape, told).map_err(refused)?,
            None => {
                let first = State::new(&shape, recipe, told).map_err(refused)?;
                if task.starts_at_zero() { first.with_silent_head() } else { first }
            }
        },
        Err(e) => return Err(Failure::Refused(format!("{}: {e}", checkpoint.display()))),
    };
    if state.step > 0 {
        output::note(quiet, &format!("going on from step {} of {}", state.step, recipe.steps));
    }
    let mut keep = |state: &State| -> Result<(), String> {
        let write =
            |name: &str, bytes: &[u8]| case::write_atomic(&run.out.join(name), bytes).map_err(|e| e.to_string());
        write("curve.csv", curve_csv(&state.curve).as_bytes())?;
        let rgba = curve_picture(&state.curve).chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
        let picture = Picture { width: CURVE_SIZE[0], height: CURVE_SIZE[1], rgba };
        write("curve.png", &picture.png().map_err(|e| e.to_string())?)?;
        // Last, so that a checkpoint never is ahead of its curve.
        write("checkpoint.safetensors", &state.to_bytes(task.kind()))
    };
    let state = train(task, recipe, state, &mut keep, progress).map_err(refused)?;
    let about = About {
        shape,
        recipe: recipe.to_toml(),
        steps: state.step,
        skulls: skulls.training.len(),
        calibration,
        mean_vault: MeanVault::in_use().hash_word(),
    };
    if !quiet {
        let last = state.curve.last().map_or(f32::NAN, |p| p.validation);
        output::line(&format!(
            "{} trained on {} skulls for {} steps, validation {last:.4}",
            task.kind(),
            skulls.training.len(),
            state.step
        ));
    }
    Ok(Weights { about, arrays: state.averaged().clone() })
}

/// What a network sees of a skull, in a number of poses by a seed.
type Make<T> = fn(&WholeHead, usize, u64, &Progress) -> Result<Vec<T>, Cancelled>;

/// How holes are cut today: what was cut otherwise is not gone on with.
const CUT_HEADS: &str = "each hole's head in its own pose, the field of turned heads";

/// How what a network sees of a skull is made and kept.
struct Kept<T> {
    folder: &'static str,
    make: Make<T>,
    pack: fn(&[T], &str) -> Vec<u8>,
    unpack: fn(&[u8], &str) -> Result<Vec<T>, WeightsError>,
    /// Whether the heads of the atlas are asked for it, not the mean vault alone.
    asks_heads: bool,
}

impl<T> Kept<T> {
    /// Names the atlas that it is made with, and how.
    fn atlas(&self) -> String {
        let heads = if self.asks_heads { format!("{}, {CUT_HEADS}", HeadMaps::file().sha256()) } else { String::new() };
        format!("atlas {} {heads}\n", MeanVault::in_use().hash_word())
    }
}

const SEEN: Kept<Seen> = Kept {
    folder: "views",
    make: |head, count, seed, progress| Seen::views(&head.skull, count, seed, progress),
    pack: pack_views,
    unpack: unpack_views,
    asks_heads: false,
};
const CUTS: Kept<MapCut> =
    Kept { folder: "cuts", make: MapCut::of, pack: MapCut::pack, unpack: MapCut::unpack, asks_heads: true };
const VOLUMES: Kept<VolumeView> = Kept {
    folder: "volumes",
    make: VolumeView::of,
    pack: VolumeView::pack,
    unpack: VolumeView::unpack,
    asks_heads: true,
};

/// What is seen of every skull, made once and kept in the folder.
fn views<T>(
    entries: &[&Entry],
    kept: &Kept<T>,
    recipe: &Recipe,
    out: &Path,
    progress: &Progress,
) -> Result<Vec<Vec<T>>, Failure> {
    let mut views = Vec::new();
    let mut faults = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        let part = progress.part(i as f32 / entries.len() as f32, (i + 1) as f32 / entries.len() as f32);
        part.report(0.0, &format!("Looking at skull {} of {}", i + 1, entries.len()))?;
        match views_of(entry, kept, recipe, out)? {
            Ok(of) => {
                if of.is_empty() {
                    output::complain(&format!("{}: no hole could be cut into it; it teaches nothing", entry.name));
                }
                views.push(of);
            }
            Err(word) => faults.push(format!("{}: {word}", entry.name)),
        }
    }
    if faults.is_empty() {
        return Ok(views);
    }
    let count = faults.len();
    faults.truncate(3);
    Err(Failure::Refused(format!(
        "{count} of {} volumes are not whole skulls, and nothing was trained: {}{}; take them away, or name them in a \
         list with --leave-out",
        entries.len(),
        faults.join("; "),
        if count > 3 { "; …" } else { "" }
    )))
}

/// A skull's views; the inner error is a word on why it is no whole skull.
fn views_of<T>(entry: &Entry, kept: &Kept<T>, recipe: &Recipe, out: &Path) -> Result<Result<Vec<T>, String>, Failure> {
    let Entry { name, file, implant } = entry;
    let told = format!("{}, {} views, seed {}, {}", entry.told(), recipe.views, recipe.seed, kept.atlas());
    let mut cache = out.join(kept.folder);
    cache.extend(name.split('/'));
    let mut cache = cache.into_os_string();
    cache.push(".safetensors");
    let cache = PathBuf::from(cache);
    if let Some(found) = std::fs::read(&cache).ok().and_then(|b| (kept.unpack)(&b, &told).ok()) {
        return Ok(Ok(found));
    }
    let head = match whole_head(file, implant.as_deref())? {
        Ok(head) => head,
        Err(word) => return Ok(Err(word)),
    };
    let views = (kept.make)(&head, recipe.views, recipe.seed, &Progress::new())?;
    case::write_atomic(&cache, &(kept.pack)(&views, &told))?;
    Ok(Ok(views))
}

/// Share of a made bone that lies in its completed skull, at least.
const WITHIN: f64 = 0.9;

/// A whole skull, and the bone by which it was completed; the inner error is a word on why it is no whole skull.
fn whole_head(file: &Path, implant: Option<&Path>) -> Result<Result<WholeHead, String>, Failure> {
    let skull = match volumes::whole_skull(file) {
        Ok(skull) => skull,
        Err(word) => return Ok(Err(word)),
    };
    let Some(implant) = implant else { return Ok(Ok(skull.into())) };
    let made = cases::mask(implant, &Progress::new())?;
    let lps = |o: usize| made.grid.lps_from_index(&made.grid.index(o).map(|i| i as f64).into());
    let set: Vec<usize> = (0..made.data.len()).filter(|&o| made.data[o] != 0).collect();
    let within = set.iter().filter(|&&o| skull.intensity.sample_lps(&lps(o), f32::NEG_INFINITY) >= skull.iso).count();
    if (within as f64) < WITHIN * set.len() as f64 {
        return Err(Failure::Refused(format!(
            "{}: only {within} of its {} voxels lie in the skull that it is to complete, {}; give the completed skull, or \
             take the implant away",
            implant.display(),
            set.len(),
            file.display()
        )));
    }
    Ok(Ok(WholeHead { skull, made: Some(made) }))
}
