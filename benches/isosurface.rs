//! The isosurface of a 512³ shell against VTK's flying edges on the same voxels, taking turns in one run.
//!
//! `CALVARIA_JUDGES=/path/to/python cargo bench --bench isosurface` with a Python that has `vtk`; without it only our
//! own times are printed. Promise: one thread at most 1.5 times VTK's time (aim: less than VTK's), two threads less than
//! VTK's two; closed and manifold where VTK's is.

use calvaria::geometry::{Grid, Mesh, Volume};
use calvaria::surface::{MeshReport, check_mesh, isosurface};
use calvaria::view::{Cut, Gpu, GpuError, GpuVoxels, MarchingCubes};
use rayon::prelude::*;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

const SIZE: usize = 512;
const ISO: f32 = 300.0;
const ROUNDS: usize = 3;
const THREADS: [usize; 2] = [1, 2];

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// An ellipsoid shell with bumps and noise: what a skull costs, without a skull.
fn shell() -> Vec<i16> {
    let mut values = vec![0i16; SIZE * SIZE * SIZE];
    values.par_chunks_mut(SIZE * SIZE).enumerate().for_each(|(z, layer)| {
        for (i, value) in layer.iter_mut().enumerate() {
            let (x, y) = (i % SIZE, i / SIZE);
            let [dx, dy, dz] = [x, y, z].map(|v| v as f32 - 255.5);
            let r = ((dx / 180.0).powi(2) + (dy / 210.0).powi(2) + (dz / 170.0).powi(2)).sqrt();
            let mut bone = 0.0;
            if (0.85..1.15).contains(&r) {
                let bump = (dx / 23.0).sin() * (dy / 19.0).sin() * (dz / 29.0).cos();
                let fine = (dx / 7.0).cos() * (dy / 9.0).sin() * (dz / 8.0).sin();
                let wall = 0.035 + 0.010 * bump + 0.002 * fine;
                let middle = 1.0 + 0.012 * (dx / 37.0).sin() * (dz / 31.0).sin();
                // Partial volume: a ramp one voxel wide where the wall ends.
                bone = (0.5 + 185.0 * (wall - (r - middle).abs())).clamp(0.0, 1.0);
            }
            *value = (40.0 + 960.0 * bone + 25.0 * noise((z * SIZE * SIZE + i) as u64)).round() as i16;
        }
    });
    values
}

/// Nearly Gaussian with deviation 1: the sum of four uniform numbers from a hash (splitmix64) of the voxel's number.
fn noise(voxel: u64) -> f32 {
    let mut h = voxel.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    h = (h ^ h >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ h >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    h ^= h >> 31;
    let sum: u64 = (0..4).map(|k| h >> (16 * k) & 0xffff).sum();
    (sum as f32 / 65_536.0 - 2.0) * 3f32.sqrt()
}

struct Rival {
    process: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
    mesh_path: std::path::PathBuf,
    version: String,
}

impl Rival {
    fn start(values: &[i16], folder: &std::path::Path) -> Outcome<Option<Self>> {
        let Some(python) = std::env::var_os("CALVARIA_JUDGES") else {
            println!("skipped: VTK's side; CALVARIA_JUDGES names no Python");
            return Ok(None);
        };
        let (volume_path, mesh_path) = (folder.join("shell.raw"), folder.join("mesh.raw"));
        std::fs::write(&volume_path, bytemuck::cast_slice(values))?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/rivals/flying_edges.py");
        let mut process = Command::new(python)
            .arg(script)
            .arg(&volume_path)
            .args([SIZE.to_string(), ISO.to_string()])
            .arg(&mesh_path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let ask = process.stdin.take().ok_or("no pipe to the rival")?;
        let answer = BufReader::new(process.stdout.take().ok_or("no pipe from the rival")?);
        let mut rival = Self { process, ask, answer, mesh_path, version: String::new() };
        rival.version = rival.line()?;
        Ok(Some(rival))
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.answer.read_line(&mut line)? == 0 {
            return Err("the rival ended early: does its Python have vtk?".into());
        }
        Ok(line.trim().to_owned())
    }

    fn run(&mut self, threads: usize) -> Outcome<(f64, usize, usize)> {
        writeln!(self.ask, "{threads}")?;
        let line = self.line()?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [time, points, triangles] = words[..] else { return Err(format!("the rival said {line}").into()) };
        Ok((time.parse()?, points.parse()?, triangles.parse()?))
    }

    fn mesh(&mut self, points: usize) -> Outcome<Mesh> {
        writeln!(self.ask, "mesh")?;
        self.line()?;
        let bytes = std::fs::read(&self.mesh_path)?;
        let (head, tail) = bytes.split_at(12 * points);
        Ok(Mesh { positions: bytemuck::pod_collect_to_vec(head), triangles: bytemuck::pod_collect_to_vec(tail) })
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        // The process ends by itself at the end of input; this only collects it, or stops it after an error.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn describe(report: &MeshReport) -> String {
    let yes = |b| if b { "yes" } else { "no" };
    format!(
        "{:>9} {:>9} {:>6} {:>8} {:>10}",
        report.vertices,
        report.triangles,
        yes(report.closed),
        yes(report.manifold),
        report.degenerate_triangles
    )
}

/// The compute shader on the adapter at hand: milliseconds of upload, of the first and of a later cut, and its surface.
fn twin(volume: &Volume<i16>) -> Result<(String, [f64; 3], Mesh), GpuError> {
    let gpu = Gpu::request()?;
    let (device, queue) = (&gpu.device, &gpu.queue);
    let cubes = MarchingCubes::new(device)?;
    let mut times = [0.0; 3];
    let mut start = Instant::now();
    let mut lap = |k: usize| {
        times[k] = 1e3 * start.elapsed().as_secs_f64();
        start = Instant::now();
    };
    let voxels = GpuVoxels::whole(device, queue, volume)?;
    lap(0);
    let cut = Cut { iso: ISO, inside_above: true, closed: false };
    let mesh = cubes.extract(device, queue, &voxels, &cut)?.read(device, queue)?;
    lap(1);
    cubes.extract(device, queue, &voxels, &cut)?.read_normals(device, queue)?;
    lap(2);
    Ok((gpu.summary.to_string(), times, mesh))
}

fn main() -> Outcome<()> {
    let grid = Grid::axis_aligned([SIZE; 3], [1.0; 3], Default::default());
    let values = shell();
    println!(
        "shell {SIZE}³ int16, {} voxels at or above {ISO}",
        values.iter().filter(|&&v| f32::from(v) >= ISO).count()
    );
    let folder = tempfile::tempdir()?;
    let mut rival = Rival::start(&values, folder.path())?;
    let mut ours = [f64::INFINITY; 2];
    let mut theirs = [f64::INFINITY; 2];
    let mut mesh = Mesh::default();
    let mut rival_points = 0;
    for round in 0..ROUNDS {
        for (k, threads) in THREADS.into_iter().enumerate() {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            drop(std::mem::take(&mut mesh));
            let start = Instant::now();
            mesh = pool.install(|| isosurface(&grid, &values, ISO, true));
            let mine = 1e3 * start.elapsed().as_secs_f64();
            ours[k] = ours[k].min(mine);
            print!("round {} threads {threads}: ours {mine:.0} ms", round + 1);
            if let Some(rival) = &mut rival {
                let (time, points, _) = rival.run(threads)?;
                theirs[k] = theirs[k].min(time);
                rival_points = points;
                print!(", VTK {time:.0} ms");
            }
            println!();
        }
    }
    println!("\nbest of {ROUNDS}   1 thread  2 threads   vertices triangles closed manifold degenerate");
    println!("ours        {:>6.0} ms  {:>6.0} ms  {}", ours[0], ours[1], describe(&check_mesh(&mesh)));
    if let Some(rival) = &mut rival {
        let report = check_mesh(&rival.mesh(rival_points)?);
        println!("{:<11} {:>6.0} ms  {:>6.0} ms  {}", rival.version, theirs[0], theirs[1], describe(&report));
        println!("ours / VTK  {:>6.2}     {:>6.2}", ours[0] / theirs[0], ours[1] / theirs[1]);
    }
    match twin(&Volume::new(grid, values)) {
        Ok((adapter, [upload, first, later], surface)) => {
            let same = if surface.triangles == mesh.triangles { "the same triangles" } else { "OTHER TRIANGLES" };
            println!("shader on {adapter}: upload {upload:.0} ms, cut {first:.0} then {later:.0} ms, {same}");
        }
        Err(error) => println!("skipped: the shader; {error}"),
    }
    Ok(())
}
