struct Layer {
    colour: vec4<f32>,
    look: vec4<f32>,
};

@group(1) @binding(0) var<uniform> layer: Layer;

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) @interpolate(flat) a: vec2<f32>,
    @location(1) @interpolate(flat) b: vec2<f32>,
};

fn pixel_of(clip: vec4<f32>) -> vec2<f32> {
    let ndc = clip.xy / clip.w;
    return vec2<f32>(ndc.x * 0.5 + 0.5, 0.5 - ndc.y * 0.5) * frame.size.xy;
}

// A segment as a rectangle of constant width on the screen, a little nearer than it is, so that bone it lies on does
// not swallow it.
@vertex
fn vs_line(
    @builtin(vertex_index) index: u32,
    @location(0) start: vec3<f32>,
    @location(1) end: vec3<f32>,
) -> Varying {
    var p = (frame.view * vec4<f32>(start, 1.0)).xyz * 0.995;
    var q = (frame.view * vec4<f32>(end, 1.0)).xyz * 0.995;
    // Nothing behind the eye can be projected: cut there.
    let near = -1.0;
    if p.z > near && q.z < near {
        p = mix(q, p, (near - q.z) / (p.z - q.z));
    } else if q.z > near && p.z < near {
        q = mix(p, q, (near - p.z) / (q.z - p.z));
    }
    let a = frame.projection * vec4<f32>(p, 1.0);
    let b = frame.projection * vec4<f32>(q, 1.0);
    let pa = pixel_of(a);
    let pb = pixel_of(b);
    let reach = layer.look.z + 1.0;
    let between = pb - pa;
    let long = length(between);
    let along = select(vec2<f32>(1.0, 0.0), between / long, long > 1e-4);
    let across = vec2<f32>(-along.y, along.x);
    let at_end = index == 1u || index == 2u || index == 4u;
    let side = select(-1.0, 1.0, index == 2u || index == 4u || index == 5u);
    let here = select(a, b, at_end);
    let pixel = select(pa - along * reach, pb + along * reach, at_end) + across * side * reach;
    let ndc = vec2<f32>(pixel.x * frame.size.z * 2.0 - 1.0, 1.0 - pixel.y * frame.size.w * 2.0);
    var out: Varying;
    out.clip = vec4<f32>(ndc * here.w, here.z, here.w);
    if p.z > near && q.z > near {
        out.clip = vec4<f32>(0.0, 0.0, 2.0, 1.0);
    }
    out.a = pa;
    out.b = pb;
    return out;
}

// Cover of a pixel: round ends make the joints.
fn cover(in: Varying) -> f32 {
    let from_a = in.clip.xy - in.a;
    let along = in.b - in.a;
    let t = clamp(dot(from_a, along) / max(dot(along, along), 1e-6), 0.0, 1.0);
    return clamp(layer.look.z + 0.5 - length(from_a - along * t), 0.0, 1.0);
}

@fragment
fn fs_line(in: Varying) -> @location(0) vec4<f32> {
    let alpha = cover(in) * layer.colour.a;
    return vec4<f32>(srgb_from_linear(layer.colour.rgb) * alpha, alpha);
}

// What bone hides of a line stays as a hint.
@fragment
fn fs_hidden(in: Varying) -> @location(0) vec4<f32> {
    let alpha = cover(in) * layer.colour.a * 0.16;
    return vec4<f32>(srgb_from_linear(layer.colour.rgb) * alpha, alpha);
}
