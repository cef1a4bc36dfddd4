use super::arguments::{Arguments, AtlasCommand, Command, TrainRun, TrainWhat};
use super::failure::Failure;
use super::output;
use crate::case::{Home, ModelsAsked, ModelsError, use_models};

/// Puts a site's own atlas and networks in the place of the shipped ones, before a command reckons with them. Gives
/// back why the window should work with the shipped ones all the same.
pub fn prepare(arguments: &Arguments) -> Result<Option<String>, Failure> {
    let named = arguments.models.clone();
    if let Some(folder) = named.as_ref().filter(|f| !f.is_dir()) {
        return Err(Failure::Refused(ModelsError::NoFolder { folder: folder.clone() }.to_string()));
    }
    let asked = match &arguments.command {
        // What asks neither atlas nor networks.
        Some(
            Command::Completions(_)
            | Command::Man(_)
            | Command::Phantom(_)
            | Command::Mesh(_)
            | Command::Inspect(_)
            | Command::Label(_)
            | Command::Disturb(_),
        ) => return Ok(None),
        Some(Command::Atlas(atlas)) => match atlas.command {
            // A mean vault is made in the shipped one's axes.
            AtlasCommand::Build { .. } => return Ok(None),
            AtlasCommand::Heads { add: true, .. } => ModelsAsked::Atlas,
            AtlasCommand::Heads { .. } => ModelsAsked::Vault,
        },
        Some(Command::Train(train)) => match &train.command {
            TrainWhat::Detector(run) | TrainWhat::Map(run) | TrainWhat::Volume(run) => of_training(run),
            TrainWhat::Score(_) => ModelsAsked::Atlas,
        },
        _ => ModelsAsked::All,
    };
    let usual = || Some(Home::find().ok()?.models_folder()).filter(|folder| folder.is_dir());
    let Some(folder) = named.clone().or_else(usual) else { return Ok(None) };
    match use_models(&folder, asked) {
        Ok(used) if used.is_empty() => Ok(None),
        Ok(used) => {
            output::note(arguments.quiet, &format!("{} of {}", used.join(", "), folder.display()));
            Ok(None)
        }
        // The usual folder may be there and wait for its first file.
        Err(ModelsError::Empty { .. }) if named.is_none() => Ok(None),
        // A window started by a click shows no messages of the command line: it opens, and says so itself.
        Err(why) if named.is_none() && matches!(arguments.command, None | Some(Command::Open(_))) => {
            Ok(Some(format!("{why}. The shipped models are in use.")))
        }
        Err(why) => Err(Failure::Refused(why.to_string())),
    }
}

/// What is trained anew may be missing or old; what is trained on has to fit.
fn of_training(run: &TrainRun) -> ModelsAsked {
    if run.fine_tune { ModelsAsked::All } else { ModelsAsked::Atlas }
}
