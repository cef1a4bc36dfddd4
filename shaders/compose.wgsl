// Multiplies the picture by the occlusion, smoothed over 4 × 4 pixels of about the same depth.
// DEPTH_TEXTURE is replaced by the texture type of the sample count.
@group(1) @binding(0) var depths: DEPTH_TEXTURE;
@group(1) @binding(1) var occlusion: texture_2d<f32>;

@vertex
fn vs_compose(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return covering(index);
}

fn distance_at(pixel: vec2<i32>) -> f32 {
    return frame.projection[3][2] / (textureLoad(depths, pixel, 0) + frame.projection[2][2]);
}

@fragment
fn fs_compose(@builtin(position) place: vec4<f32>) -> @location(0) vec4<f32> {
    let pixel = vec2<i32>(place.xy);
    let last = vec2<i32>(frame.size.xy) - vec2<i32>(1);
    let here = distance_at(pixel);
    var sum = 0.0;
    var weight = 0.0;
    for (var y = -2; y < 2; y++) {
        for (var x = -2; x < 2; x++) {
            let other = clamp(pixel + vec2<i32>(x, y), vec2<i32>(0), last);
            let w = max(0.001, 1.0 - abs(distance_at(other) - here) * 0.25);
            sum += w * textureLoad(occlusion, other, 0).r;
            weight += w;
        }
    }
    return vec4<f32>(vec3<f32>(sum / weight), 1.0);
}
