// Marching cubes over bits, the twin of src/surface (inside.rs, emit.rs): same case table, same order, same fractions.
// Bound by src/view/marching_cubes.rs, which puts `alias Texel = i32;` (or f32) before this text.
//
// Passes, one thread a word of 32 voxels along x: mark, count, (prefix sums), write_vertices, write_triangles.

struct Params {
    // Voxels, with the border of outside voxels where there is one.
    size: vec3<u32>,
    // Words a row.
    words: u32,
    // Voxels of the texture.
    inner: vec3<u32>,
    // Voxels of border on each side, 0 or 1.
    pad: u32,
    // Of (bordered) index 0, mm.
    origin: vec3<f32>,
    iso: f32,
    step_x: vec3<f32>,
    inside_above: u32,
    step_y: vec3<f32>,
    // The grid is left-handed: triangles turn round.
    turned: u32,
    step_z: vec3<f32>,
    least_fraction: f32,
    // From a gradient along the index axes to the outward normal.
    normal_x: vec3<f32>,
    normal_y: vec3<f32>,
    normal_z: vec3<f32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var volume: texture_3d<Texel>;
// Four words a case: the count in the lowest byte, then the edges of the triangles.
@group(0) @binding(2) var<storage, read> cases: array<u32>;
@group(0) @binding(3) var<storage, read_write> bits: array<u32>;
// Row by row: cut edges along x a word, then along y, then along z; later where their vertices begin.
@group(0) @binding(4) var<storage, read_write> edge_counts: array<u32>;
// Triangles a word; later where they begin.
@group(0) @binding(5) var<storage, read_write> triangle_counts: array<u32>;
// Five words a vertex: position (three f32) and normal (four snorm16, the last 0), the mesh pipeline's vertex.
@group(1) @binding(0) var<storage, read_write> vertices: array<u32>;
@group(1) @binding(1) var<storage, read_write> indices: array<u32>;

struct Word {
    // Number of this word, its place in the row, and the row.
    number: u32,
    w: u32,
    y: u32,
    z: u32,
    row: u32,
    exists: bool,
}

fn word_of(id: vec3<u32>, groups: vec3<u32>) -> Word {
    var word: Word;
    word.number = id.x + id.y * groups.x * 64u;
    word.w = word.number % params.words;
    word.row = word.number / params.words;
    word.y = word.row % params.size.y;
    word.z = word.row / params.size.y;
    word.exists = word.z < params.size.z;
    return word;
}

fn value(at: vec3<i32>) -> f32 {
    return f32(textureLoad(volume, at, 0).x);
}

fn in_texture(at: vec3<i32>) -> bool {
    return all(at >= vec3<i32>(0)) && all(at < vec3<i32>(params.inner));
}

@compute @workgroup_size(64)
fn mark(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let word = word_of(id, groups);
    if (!word.exists) {
        return;
    }
    var found = 0u;
    for (var k = 0u; k < 32u; k++) {
        let at = vec3<i32>(vec3<u32>(word.w * 32u + k, word.y, word.z)) - vec3<i32>(i32(params.pad));
        if (in_texture(at)) {
            let v = value(at);
            let inside = select((v < params.iso), (v >= params.iso), params.inside_above == 1u);
            found |= u32(inside) << k;
        }
    }
    bits[word.number] = found;
}

// Bits at which a cell starts: all but the row's last voxel.
fn starts(w: u32) -> u32 {
    let last = params.size.x - 1u;
    let left = last - min(last, 32u * w);
    if (left >= 32u) {
        return 0xffffffffu;
    }
    return (1u << left) - 1u;
}

// Bit x of the result is bit x + 1 of the row.
fn shifted(number: u32, w: u32) -> u32 {
    var next = 0u;
    if (w + 1u < params.words) {
        next = bits[number + 1u] << 31u;
    }
    return (bits[number] >> 1u) | next;
}

// The cut edges along x, y and z that start in a word.
fn cut_edges(word: Word) -> vec3<u32> {
    let own = bits[word.number];
    var cut = vec3<u32>((own ^ shifted(word.number, word.w)) & starts(word.w), 0u, 0u);
    if (word.y + 1u < params.size.y) {
        cut.y = own ^ bits[word.number + params.words];
    }
    if (word.z + 1u < params.size.z) {
        cut.z = own ^ bits[word.number + params.words * params.size.y];
    }
    return cut;
}

// The bits of the four rows around a word of cells, and the same one voxel further along x.
struct Cells {
    own: vec4<u32>,
    next: vec4<u32>,
    cut: u32,
}

fn cells_of(word: Word) -> Cells {
    var cells: Cells;
    if (word.y + 1u >= params.size.y || word.z + 1u >= params.size.z) {
        return cells;
    }
    let up = params.words * params.size.y;
    let numbers = word.number + vec4<u32>(0u, params.words, up, up + params.words);
    cells.own = vec4<u32>(bits[numbers.x], bits[numbers.y], bits[numbers.z], bits[numbers.w]);
    cells.next = vec4<u32>(
        shifted(numbers.x, word.w),
        shifted(numbers.y, word.w),
        shifted(numbers.z, word.w),
        shifted(numbers.w, word.w),
    );
    let either = cells.own | cells.next;
    let both = cells.own & cells.next;
    let any_inside = either.x | either.y | either.z | either.w;
    let all_inside = both.x & both.y & both.z & both.w;
    cells.cut = any_inside & ~all_inside & starts(word.w);
    return cells;
}

fn case_of(cells: Cells, x: u32) -> u32 {
    let pairs = ((cells.own >> vec4<u32>(x)) & vec4<u32>(1u)) | (((cells.next >> vec4<u32>(x)) & vec4<u32>(1u)) << vec4<u32>(1u));
    return pairs.x | (pairs.y << 2u) | (pairs.z << 4u) | (pairs.w << 6u);
}

fn triangles_of(case_number: u32) -> u32 {
    return cases[case_number * 4u] & 0xffu;
}

@compute @workgroup_size(64)
fn count(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let word = word_of(id, groups);
    if (!word.exists) {
        return;
    }
    let edges = countOneBits(cut_edges(word));
    let first = word.row * 3u * params.words + word.w;
    edge_counts[first] = edges.x;
    edge_counts[first + params.words] = edges.y;
    edge_counts[first + 2u * params.words] = edges.z;

    let cells = cells_of(word);
    var cut = cells.cut;
    var triangles = 0u;
    while (cut != 0u) {
        triangles += triangles_of(case_of(cells, countTrailingZeros(cut)));
        cut &= cut - 1u;
    }
    triangle_counts[word.number] = triangles;
}

// Differences along the index axes about a voxel, one-sided at the border.
fn gradient(at: vec3<i32>) -> vec3<f32> {
    let last = vec3<i32>(params.inner) - vec3<i32>(1);
    let low = clamp(at - vec3<i32>(1), vec3<i32>(0), last);
    let high = clamp(at + vec3<i32>(1), vec3<i32>(0), last);
    let span = max(vec3<f32>(high - low), vec3<f32>(1.0));
    let here = clamp(at, vec3<i32>(0), last);
    let rise = vec3<f32>(
        value(vec3<i32>(high.x, here.y, here.z)) - value(vec3<i32>(low.x, here.y, here.z)),
        value(vec3<i32>(here.x, high.y, here.z)) - value(vec3<i32>(here.x, low.y, here.z)),
        value(vec3<i32>(here.x, here.y, high.z)) - value(vec3<i32>(here.x, here.y, low.z)),
    );
    return rise / span;
}

fn write_edge(vertex: u32, start_at: vec3<u32>, axis: vec3<u32>, starts_inside: bool) {
    let a = vec3<i32>(start_at) - vec3<i32>(i32(params.pad));
    let b = a + vec3<i32>(axis);
    var t = 0.5;
    if (in_texture(a) && in_texture(b)) {
        let start = value(a);
        t = clamp((params.iso - start) / (value(b) - start), params.least_fraction, 1.0 - params.least_fraction);
    }
    let at = vec3<f32>(start_at) + vec3<f32>(axis) * t;
    let position = params.origin + params.step_z * at.z + params.step_y * at.y + params.step_x * at.x;
    let along = mix(gradient(a), gradient(b), t);
    var normal = params.normal_x * along.x + params.normal_y * along.y + params.normal_z * along.z;
    let size = length(normal);
    if (size > 0.0) {
        normal = normal / size;
    } else {
        // A flat neighbourhood: away from the inside along the edge.
        let edge = params.step_x * f32(axis.x) + params.step_y * f32(axis.y) + params.step_z * f32(axis.z);
        normal = normalize(edge) * select(-1.0, 1.0, starts_inside);
    }
    vertices[5u * vertex] = bitcast<u32>(position.x);
    vertices[5u * vertex + 1u] = bitcast<u32>(position.y);
    vertices[5u * vertex + 2u] = bitcast<u32>(position.z);
    vertices[5u * vertex + 3u] = pack2x16snorm(normal.xy);
    vertices[5u * vertex + 4u] = pack2x16snorm(vec2<f32>(normal.z, 0.0));
}

@compute @workgroup_size(64)
fn write_vertices(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let word = word_of(id, groups);
    if (!word.exists) {
        return;
    }
    let own = bits[word.number];
    let edges = cut_edges(word);
    for (var kind = 0u; kind < 3u; kind++) {
        var axis = vec3<u32>(0u);
        axis[kind] = 1u;
        var cut = edges[kind];
        var vertex = edge_counts[(word.row * 3u + kind) * params.words + word.w];
        while (cut != 0u) {
            let x = countTrailingZeros(cut);
            write_edge(vertex, vec3<u32>(word.w * 32u + x, word.y, word.z), axis, ((own >> x) & 1u) == 1u);
            vertex += 1u;
            cut &= cut - 1u;
        }
    }
}

@compute @workgroup_size(64)
fn write_triangles(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let word = word_of(id, groups);
    if (!word.exists) {
        return;
    }
    let cells = cells_of(word);
    var cut = cells.cut;
    if (cut == 0u) {
        return;
    }
    // The next vertex on each row of edges around the cells: four along x, two along y, two along z.
    let row_step = 3u * params.words;
    let here = word.row * row_step + word.w;
    let behind = here + row_step;
    let above = here + row_step * params.size.y;
    var x_next = vec4<u32>(edge_counts[here], edge_counts[behind], edge_counts[above], edge_counts[above + row_step]);
    var y_next = vec2<u32>(edge_counts[here + params.words], edge_counts[above + params.words]);
    var z_next = vec2<u32>(edge_counts[here + 2u * params.words], edge_counts[behind + 2u * params.words]);
    var index = 3u * triangle_counts[word.number];
    while (cut != 0u) {
        let x = countTrailingZeros(cut);
        cut &= cut - 1u;
        // Corner k of the cell is bit k.
        let corners = case_of(cells, x);
        let along_y = corners ^ (corners >> 2u);
        let along_z = corners ^ (corners >> 4u);
        let along_x = corners ^ (corners >> 1u);
        let y_cut = vec2<u32>(along_y & 1u, (along_y >> 4u) & 1u);
        let z_cut = vec2<u32>(along_z & 1u, (along_z >> 2u) & 1u);
        var ids = array<u32, 12>(
            x_next.x, x_next.y, x_next.z, x_next.w,
            y_next.x, y_next.x + y_cut.x, y_next.y, y_next.y + y_cut.y,
            z_next.x, z_next.x + z_cut.x, z_next.y, z_next.y + z_cut.y,
        );
        let corners_out = 3u * triangles_of(corners);
        for (var k = 0u; k < corners_out; k++) {
            // Byte 0 of the case is the count; a turned triangle takes its corners in the order 0, 2, 1.
            let place = k % 3u;
            let taken = select(k, k + 3u - 2u * place, params.turned == 1u && place > 0u);
            let byte = taken + 1u;
            let edge = (cases[corners * 4u + byte / 4u] >> (8u * (byte % 4u))) & 15u;
            indices[index + k] = ids[edge];
        }
        index += corners_out;
        x_next += (vec4<u32>(along_x) >> vec4<u32>(0u, 2u, 4u, 6u)) & vec4<u32>(1u);
        // An edge along y (or z) belongs to the voxel where it starts: the cell's own, not the next one.
        y_next += y_cut;
        z_next += z_cut;
    }
}
