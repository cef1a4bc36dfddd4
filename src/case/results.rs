use super::StepKind;
use crate::defect::Defect;
use crate::geometry::Mesh;
use crate::implant::{Check, DesignBox, Implant};
use crate::network::detector::{Detector, Opinion};
use crate::reconstruct::Completion;
use crate::scan::{Finding, Scan};
use crate::skull::Skull;
use nalgebra::Point3;
use std::sync::{Arc, OnceLock};

/// The skull and its surface.
#[derive(Clone, Debug)]
pub struct SkullBody {
    /// Bone and head frame.
    pub skull: Skull,
    /// The bone's surface, LPS mm.
    pub mesh: Mesh,
    opinion: OnceLock<Option<Opinion>>,
}

impl SkullBody {
    /// A skull with its surface.
    pub fn new(skull: Skull, mesh: Mesh) -> Self {
        Self { skull, mesh, opinion: OnceLock::new() }
    }

    /// Where the network sees vault bone missing; `None` where there is none beside this mean vault. It looks once:
    /// corrections of the defect change nothing about it.
    pub fn opinion(&self) -> Option<&Opinion> {
        self.opinion.get_or_init(|| Some(Detector::in_use().ok()?.look(&self.skull))).as_ref()
    }
}

/// The completed bone, and the design box prepared from it (so that shaping the part is fast).
#[derive(Clone, Debug)]
pub struct Reconstruction {
    /// The missing bone.
    pub completion: Completion,
    /// What `implant::shape` needs.
    pub design: DesignBox,
}

/// The part and what was checked on it.
#[derive(Clone, Debug)]
pub struct Part {
    /// Field and mesh.
    pub implant: Implant,
    /// Figures and verdicts.
    pub checks: Vec<Check>,
}

/// What each step gave, shared and never changed in place: cloning is cheap, a new result replaces the old one whole.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// The scan as read.
    pub scan: Option<Arc<Scan>>,
    /// The skull and its mesh.
    pub skull: Option<Arc<SkullBody>>,
    /// The openings, largest first.
    pub defects: Option<Arc<Vec<Defect>>>,
    /// Where the network disagrees with the search for them.
    pub defect_findings: Arc<Vec<Finding>>,
    /// The completed bone and the design box.
    pub reconstruction: Option<Arc<Reconstruction>>,
    /// The part with its checks.
    pub part: Option<Arc<Part>>,
}

/// What one step gives.
#[derive(Clone, Debug)]
pub enum StepOutput {
    /// Of [`StepKind::Scan`].
    Scan(Arc<Scan>),
    /// Of [`StepKind::Skull`].
    Skull(Arc<SkullBody>),
    /// Of [`StepKind::Defect`]: the openings, and where the network disagrees.
    Defects(Arc<Vec<Defect>>, Arc<Vec<Finding>>),
    /// Of [`StepKind::Reconstruct`].
    Reconstruction(Arc<Reconstruction>),
    /// Of [`StepKind::Implant`].
    Part(Arc<Part>),
}

impl Results {
    /// Middle of the part's box, LPS mm: where its pictures look.
    pub fn part_middle_mm(&self) -> Option<Point3<f64>> {
        let (low, high) = self.part.as_ref()?.implant.mesh.bounds_mm()?;
        Some(nalgebra::center(&low, &high))
    }

    /// Puts one step's result in the place of the old one.
    pub fn put(&mut self, output: StepOutput) {
        match output {
            StepOutput::Scan(v) => self.scan = Some(v),
            StepOutput::Skull(v) => self.skull = Some(v),
            StepOutput::Defects(v, findings) => {
                self.defects = Some(v);
                self.defect_findings = findings;
            }
            StepOutput::Reconstruction(v) => self.reconstruction = Some(v),
            StepOutput::Part(v) => self.part = Some(v),
        }
    }

    /// Whether a step has a result (export has none: its result is on disk).
    pub fn has(&self, step: StepKind) -> bool {
        match step {
            StepKind::Scan => self.scan.is_some(),
            StepKind::Skull => self.skull.is_some(),
            StepKind::Defect => self.defects.is_some(),
            StepKind::Reconstruct => self.reconstruction.is_some(),
            StepKind::Implant => self.part.is_some(),
            StepKind::Export => false,
        }
    }

    /// Forgets the results of a step and all after it.
    pub fn forget_from(&mut self, step: StepKind) {
        for later in step.and_later() {
            match later {
                StepKind::Scan => self.scan = None,
                StepKind::Skull => self.skull = None,
                StepKind::Defect => {
                    self.defects = None;
                    self.defect_findings = Arc::default();
                }
                StepKind::Reconstruct => self.reconstruction = None,
                StepKind::Implant => self.part = None,
                StepKind::Export => {}
            }
        }
    }
}
