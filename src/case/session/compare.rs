//! The methods side by side: a job of its own beside the road, for it changes nothing on it.

use super::super::jobs::waking;
use super::super::steps::choose;
use super::super::{Error, Recipe, Results, StepKind, next_step};
use super::Case;
use crate::defect::Defect;
use crate::geometry::Progress;
use crate::reconstruct::{self, Comparison, Params, Relief};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// Where the comparison of the methods stands.
#[derive(Clone, Debug)]
pub enum Comparing {
    /// Not asked for, or for another defect than the present one.
    Nothing,
    /// Under way.
    Running { fraction: f32, message: String },
    /// Done.
    Done(Arc<SideBySide>),
    /// It did not work: what happened, and what to do next.
    Failed { message: String, next: String },
}

/// A comparison ready to be shown.
#[derive(Clone, Debug)]
pub struct SideBySide {
    /// The alternatives with their figures.
    pub comparison: Comparison,
    /// A picture of each, in their order.
    pub reliefs: Vec<Relief>,
}

/// Side of these pictures, pixels.
const RELIEF: usize = 256;

/// What the last comparison was asked about, and how far it is.
pub(super) struct Asked {
    defects: Arc<Vec<Defect>>,
    index: usize,
    state: State,
}

enum State {
    Running(Receiver<Result<SideBySide, Error>>, Progress),
    Done(Arc<SideBySide>),
    Failed(String, String),
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let State::Running(_, progress) = &self.state {
            progress.cancel();
        }
    }
}

impl Asked {
    /// Whether it is about the defect of these results.
    fn is_about(&self, results: &Results, index: usize) -> bool {
        self.index == index && results.defects.as_ref().is_some_and(|d| Arc::ptr_eq(d, &self.defects))
    }
}

impl Case {
    /// Whether there is a defect that the methods can be compared at.
    pub fn can_compare(&self) -> bool {
        let found = self.results.defects.as_ref().is_some_and(|d| d.len() > self.recipe.defect.index);
        found && self.results.skull.is_some() && self.states[StepKind::Defect.index()].is_current()
    }

    /// Compares the methods at the defect by a job; nothing where that is done or under way.
    pub fn compare(&mut self) {
        let (Some(body), Some(defects)) = (self.results.skull.clone(), self.results.defects.clone()) else { return };
        let index = self.recipe.defect.index;
        let again = self
            .asked
            .as_ref()
            .is_some_and(|asked| asked.is_about(&self.results, index) && !matches!(asked.state, State::Failed(..)));
        if again || !self.can_compare() {
            return;
        }
        let (sender, receiver) = channel();
        let progress = waking(&self.wake);
        let (of_job, wake, list) = (progress.clone(), self.wake.clone(), defects.clone());
        let work = move || {
            let all = || {
                let chosen = choose(&list, index)?;
                let comparison = reconstruct::compare(&body.skull, chosen, &of_job)?;
                let reliefs = comparison.alternatives.iter().map(|a| a.relief(RELIEF)).collect();
                Ok(SideBySide { comparison, reliefs })
            };
            // A fault in a method must not take the window with it: the channel closes without an answer.
            if let Ok(done) = catch_unwind(AssertUnwindSafe(all)) {
                let _ = sender.send(done); // nobody waits any more: the result is not needed
            }
            drop(sender);
            wake();
        };
        let state = match std::thread::Builder::new().name("calvaria-compare".to_owned()).spawn(work) {
            Ok(_) => State::Running(receiver, progress),
            Err(e) => State::Failed(format!("no thread could be started: {e}"), "Close other programs.".to_owned()),
        };
        self.asked = Some(Asked { defects, index, state });
    }

    /// Stops a comparison under way; a finished one stays.
    pub fn cancel_comparison(&mut self) {
        if matches!(&self.asked, Some(asked) if matches!(asked.state, State::Running(..))) {
            self.asked = None;
        }
    }

    /// Where the comparison stands.
    pub fn comparing(&self) -> Comparing {
        let Some(asked) = self.asked.as_ref().filter(|a| a.is_about(&self.results, self.recipe.defect.index)) else {
            return Comparing::Nothing;
        };
        match &asked.state {
            State::Running(_, progress) => {
                Comparing::Running { fraction: progress.fraction(), message: progress.message() }
            }
            State::Done(both) => Comparing::Done(both.clone()),
            State::Failed(message, next) => Comparing::Failed { message: message.clone(), next: next.clone() },
        }
    }

    /// The alternative that the recipe asks for, by its place; `None` where it asks for a method that is not compared.
    pub fn alternative_in_use(&self, comparison: &Comparison) -> Option<usize> {
        let mut wanted = self.recipe.reconstruct.clone();
        if !wanted.method.has_field() {
            wanted.shape_draw = Params::default().shape_draw;
        }
        comparison.alternatives.iter().position(|a| a.params == wanted)
    }

    /// Takes an alternative for the reconstruction, method and drawn shape as one change; gives its name.
    pub fn use_alternative(&mut self, at: usize) -> Option<String> {
        let Comparing::Done(both) = self.comparing() else { return None };
        let alternative = both.comparison.alternatives.get(at)?;
        let recipe = Recipe { reconstruct: alternative.params.clone(), ..self.recipe.clone() };
        self.set_recipe(&format!("use {}", alternative.name()), recipe);
        Some(alternative.name())
    }

    /// Takes the comparison's answer when it is there; `true` when something changed.
    pub(super) fn poll_comparison(&mut self) -> bool {
        let index = self.recipe.defect.index;
        let Some(asked) = &mut self.asked else { return false };
        if !asked.is_about(&self.results, index) {
            self.asked = None;
            return true;
        }
        let State::Running(receiver, _) = &asked.state else { return false };
        asked.state = match receiver.try_recv() {
            Err(TryRecvError::Empty) => return false,
            Ok(Ok(both)) => State::Done(Arc::new(both)),
            Ok(Err(error)) => State::Failed(error.to_string(), next_step(&error).to_owned()),
            Err(TryRecvError::Disconnected) => State::Failed(
                "the comparison stopped on an internal error; your work is saved".to_owned(),
                "Change the defect and try again.".to_owned(),
            ),
        };
        true
    }
}
