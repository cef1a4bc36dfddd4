struct Layer {
    // Linear colour and opacity.
    colour: vec4<f32>,
    // x: strength of the highlight, y: its sharpness, z: half width of lines in pixels, w: light on inner sides.
    look: vec4<f32>,
};

@group(1) @binding(0) var<uniform> layer: Layer;

struct Varying {
    @invariant @builtin(position) clip: vec4<f32>,
    @location(0) position: vec3<f32>,
    @location(1) normal: vec3<f32>,
};

@vertex
fn vs_mesh(@location(0) position: vec3<f32>, @location(1) normal: vec4<f32>) -> Varying {
    let seen = frame.view * vec4<f32>(position, 1.0);
    var out: Varying;
    out.clip = frame.projection * seen;
    out.position = seen.xyz;
    out.normal = (frame.view * vec4<f32>(normal.xyz, 0.0)).xyz;
    return out;
}

// Light that falls off softly beyond the terminator, so that bone shows relief in the shade too.
fn wrapped(cosine: f32, wrap: f32) -> f32 {
    return max((cosine + wrap) / (1.0 + wrap), 0.0);
}

fn lit(position: vec3<f32>, normal: vec3<f32>, colour: vec3<f32>, inner: bool) -> vec3<f32> {
    let eye = normalize(-position);
    let key = normalize(vec3<f32>(-0.60, 0.68, 0.42));
    let fill = normalize(vec3<f32>(0.85, -0.05, 0.52));
    let back = normalize(vec3<f32>(0.35, 0.65, -0.67));
    let sky = mix(vec3<f32>(0.095, 0.085, 0.078), vec3<f32>(0.185, 0.195, 0.21), normal.y * 0.5 + 0.5);
    var light = sky;
    light += vec3<f32>(1.00, 0.965, 0.92) * 0.88 * wrapped(dot(normal, key), 0.08);
    light += vec3<f32>(0.80, 0.90, 1.00) * 0.20 * wrapped(dot(normal, fill), 0.30);
    let away = 1.0 - clamp(dot(normal, eye), 0.0, 1.0);
    let rim = vec3<f32>(0.85, 0.92, 1.0) * 0.45 * away * away * away * wrapped(dot(normal, back), 0.5);
    let highlight = layer.look.x * pow(max(dot(normal, normalize(key + eye)), 0.0), layer.look.y);
    if inner {
        return colour * light * layer.look.w * frame.tangent.z;
    }
    return (colour * (light + rim) + vec3<f32>(highlight)) * frame.tangent.z;
}

fn shaded(in: Varying, front: bool) -> vec3<f32> {
    let long = length(in.normal);
    var normal = select(vec3<f32>(0.0, 0.0, 1.0), in.normal / long, long > 1e-6);
    if !front {
        normal = -normal;
    }
    let linear = lit(in.position, normal, layer.colour.rgb, !front);
    return srgb_from_linear(min(linear, vec3<f32>(1.0)));
}

@fragment
fn fs_opaque(in: Varying, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    return vec4<f32>(shaded(in, front), 1.0);
}

@fragment
fn fs_translucent(in: Varying, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    // A surface seen edge-on holds back more of what lies behind, as a pane of glass does.
    let long = max(length(in.normal), 1e-6);
    let facing = abs(dot(in.normal / long, normalize(-in.position)));
    let alpha = 1.0 - pow(1.0 - layer.colour.a, 1.0 / max(facing, 0.3));
    let shown = select(alpha * 0.6, alpha, front);
    return vec4<f32>(shaded(in, front) * shown, shown);
}
