use super::summary::{Figure, Measure, Outcome, Row, Summary};
use std::fmt::Write;

/// One line a case and method, every figure; empty where there is none.
pub fn csv(outcomes: &[Outcome]) -> String {
    let mut out = String::from(
        "case,skull,kind,method,failure,defects,read_seconds,prepare_seconds,complete_seconds,score_seconds,true_mm3,predicted_mm3",
    );
    for measure in &Measure::ALL {
        out.push(',');
        out.push_str(measure.key);
    }
    out.push('\n');
    for o in outcomes {
        let text = [&o.name, &o.skull, &o.kind, &o.method].map(|t| quoted(t));
        let failure = quoted(o.failure.as_deref().unwrap_or(""));
        // Writing into a string cannot fail.
        let _ = write!(
            out,
            "{},{failure},{},{:.2},{:.2},{:.2},{:.2},{:.1},{:.1}",
            text.join(","),
            o.defects,
            o.read_seconds,
            o.prepare_seconds,
            o.complete_seconds,
            o.score_seconds,
            o.scores.true_mm3,
            o.scores.predicted_mm3
        );
        for measure in &Measure::ALL {
            let value = measure.value(o).map_or_else(String::new, |v| format!("{v:.6}"));
            let _ = write!(out, ",{value}");
        }
        out.push('\n');
    }
    out
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The summary as Markdown tables.
pub fn markdown(summary: &Summary) -> String {
    let mut out = String::from(HEADER);
    for row in &summary.all {
        out.push_str(&line(row, &row.method));
    }
    if !summary.by_kind.is_empty() {
        out.push_str("\nBy kind of defect:\n\n");
        out.push_str(HEADER);
        for row in &summary.by_kind {
            out.push_str(&line(row, &format!("{}, {}", row.kind.as_deref().unwrap_or(""), row.method)));
        }
    }
    out.push_str(
        "\nMean (median; worst and its case); [95 % interval of the mean, bootstrap by skull]. A failure counts as DSC 0 \
         and has no distance. In band: share of the true outer face within the stated 90 % band. Time: mask to implant \
         without reading and writing, and of it the completion alone.\n",
    );
    for p in &summary.paired {
        let interval = p.interval.map_or_else(String::new, |[a, b]| format!(" [{a:+.4}, {b:+.4}]"));
        let _ = write!(out, "\nDSC of {} − {}: {:+.4}{interval}, {} cases.\n", p.method, p.against, p.mean, p.cases);
    }
    if !summary.losses.is_empty() {
        out.push_str(
            "\nAgainst the clean case:\n\n| method | cases, failed | drop of DSC | worst DSC |\n|---|---|---|---|\n",
        );
    }
    for d in &summary.losses {
        let kind = d.kind.as_ref().map_or_else(String::new, |k| format!("{k}, "));
        let interval = d.interval.map_or_else(String::new, |[a, b]| format!(" [{a:+.3}, {b:+.3}]"));
        let _ = writeln!(
            out,
            "| {kind}{} | {}, {} | {:+.3}{interval} | {:.3} {} |",
            d.method, d.cases, d.failed, d.mean, d.worst_dice, d.worst_case
        );
    }
    for row in summary.all.iter().filter(|r| r.without_self > 0) {
        let _ = write!(
            out,
            "\n{}: in {} of {} cases the head is one of the atlas', and was left out of them (not out of the mean vault).\n",
            row.method, row.without_self, row.cases
        );
    }
    for row in summary.all.iter().filter(|r| !r.failed.is_empty()) {
        let _ = write!(out, "\nFailed with {}: {}.\n", row.method, row.failed.join(", "));
    }
    out
}

const HEADER: &str = "\
| method | cases, failed | DSC | bDSC | HD95 mm | HD95max mm | ≤ 1 mm | outer mm | outer p95 mm | outer ≤ 1 mm | inner mm | volume % | rim curvature | in band | s, completion |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
";

fn line(row: &Row, name: &str) -> String {
    let get = |key: &str| row.figures.iter().find(|f| f.key == key);
    let decimals = |key: &str| Measure::ALL.iter().find(|m| m.key == key).map_or(2, |m| m.decimals);
    let mean = |key: &str| get(key).map_or_else(|| "–".to_owned(), |f| format!("{:.*}", decimals(key), f.mean));
    let full = |key: &str| get(key).map_or_else(|| "–".to_owned(), |f| whole(f, decimals(key)));
    let with = |key: &str| get(key).map_or_else(|| "–".to_owned(), |f| with_interval(f, decimals(key)));
    let percent = |key: &str| get(key).map_or_else(|| "–".to_owned(), percent);
    format!(
        "| {name} | {}, {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.1}, {:.1} |\n",
        row.cases,
        row.failed.len(),
        full("dice"),
        full("border_dice"),
        full("hausdorff95_mm"),
        mean("hausdorff95_max_mm"),
        mean("within_1mm"),
        with("outer_mean_mm"),
        mean("outer_p95_mm"),
        percent("outer_within_1mm"),
        mean("inner_mean_mm"),
        mean("volume_error_percent"),
        mean("rim_curvature_per_mm2"),
        percent("in_band"),
        row.seconds,
        row.complete_seconds,
    )
}

fn whole(f: &Figure, decimals: usize) -> String {
    format!(
        "{:.decimals$} ({:.decimals$}; {:.decimals$} {}){}",
        f.mean,
        f.median,
        f.worst,
        f.worst_case,
        interval(f, decimals)
    )
}

fn with_interval(f: &Figure, decimals: usize) -> String {
    format!("{:.decimals$}{}", f.mean, interval(f, decimals))
}

fn interval(f: &Figure, decimals: usize) -> String {
    f.interval.map_or_else(String::new, |[a, b]| format!(" [{a:.decimals$}, {b:.decimals$}]"))
}

fn percent(f: &Figure) -> String {
    let interval = f.interval.map_or_else(String::new, |[a, b]| format!(" [{:.0}, {:.0}]", a * 100.0, b * 100.0));
    format!("{:.0} %{interval}", f.mean * 100.0)
}
