use std::fmt;

/// The steps of the road, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Files to voxels.
    Scan,
    /// Voxels to bone and head frame.
    Skull,
    /// Where the vault is open.
    Defect,
    /// What was there.
    Reconstruct,
    /// The part and its checks.
    Implant,
    /// Files of the part.
    Export,
}

impl StepKind {
    /// All steps in order.
    pub const ALL: [StepKind; 6] =
        [StepKind::Scan, StepKind::Skull, StepKind::Defect, StepKind::Reconstruct, StepKind::Implant, StepKind::Export];

    /// The name in recipes and on the command line (`implant` in `implant.thickness_mm`).
    pub fn name(self) -> &'static str {
        match self {
            StepKind::Scan => "scan",
            StepKind::Skull => "skull",
            StepKind::Defect => "defect",
            StepKind::Reconstruct => "reconstruct",
            StepKind::Implant => "implant",
            StepKind::Export => "export",
        }
    }

    /// The step of a name, if there is one.
    pub fn from_name(name: &str) -> Option<StepKind> {
        StepKind::ALL.into_iter().find(|s| s.name() == name)
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            StepKind::Scan => "Scan",
            StepKind::Skull => "Skull",
            StepKind::Defect => "Defect",
            StepKind::Reconstruct => "Reconstruct",
            StepKind::Implant => "Implant",
            StepKind::Export => "Export",
        }
    }

    /// Words on the button that runs this step.
    pub fn action(self) -> &'static str {
        match self {
            StepKind::Scan => "Open scan…",
            StepKind::Skull => "Find skull",
            StepKind::Defect => "Find defect",
            StepKind::Reconstruct => "Reconstruct bone",
            StepKind::Implant => "Design implant",
            StepKind::Export => "Export…",
        }
    }

    /// Place on the road, from 0.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The step before it.
    pub fn before(self) -> Option<StepKind> {
        self.index().checked_sub(1).map(|i| StepKind::ALL[i])
    }

    /// This step and all after it.
    pub fn and_later(self) -> impl Iterator<Item = StepKind> {
        StepKind::ALL.into_iter().skip(self.index())
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq)]
pub enum StepState {
    /// Nothing computed yet.
    NotRun,
    /// Computed, but something before it changed since; the old result is still shown.
    Stale,
    /// Being computed.
    Running { fraction: f32, message: String },
    /// Done, with its key figure ("right frontal · 6.1 cm²").
    Done { figure: String },
    /// Done, and there is something the user should know.
    Finding { figure: String, finding: String },
    /// It did not work: what happened, and what to do next.
    Failed { message: String, next: String },
}

impl StepState {
    /// Whether the result belongs to the parameters as they are now.
    pub fn is_current(&self) -> bool {
        matches!(self, StepState::Done { .. } | StepState::Finding { .. })
    }

    /// Whether it is being computed.
    pub fn is_running(&self) -> bool {
        matches!(self, StepState::Running { .. })
    }
}
