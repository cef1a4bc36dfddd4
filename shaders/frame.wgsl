// What every pass of one picture knows; put before the other files. Space of the light is the view's: x right, y up,
// z toward the eye, mm.
struct Frame {
    view: mat4x4<f32>,
    projection: mat4x4<f32>,
    // Width and height in pixels, and their inverses.
    size: vec4<f32>,
    // sRGB of the background's middle and corners.
    centre: vec4<f32>,
    corner: vec4<f32>,
    // x: tangent of half the horizontal angle of view, y: of the vertical one;
    // z: exposure, higher on a bright background.
    tangent: vec4<f32>,
};

@group(0) @binding(0) var<uniform> frame: Frame;

// One triangle that covers the picture.
fn covering(index: u32) -> vec4<f32> {
    let x = f32((index << 1u) & 2u);
    let y = f32(index & 2u);
    return vec4<f32>(x * 2.0 - 1.0, 1.0 - y * 2.0, 0.0, 1.0);
}

// Transfer function of sRGB by roots, which software adapters take faster than powers: within 0.001 above a linear
// 0.003; what is darker than that comes out a little lighter (I. Taylor, sRGB approximations for HLSL, 2012).
fn srgb_from_linear(c: vec3<f32>) -> vec3<f32> {
    let r1 = sqrt(c);
    let r2 = sqrt(r1);
    let r3 = sqrt(r2);
    return 0.662002687 * r1 + 0.684122060 * r2 - 0.323583601 * r3 - 0.0225411470 * c;
}

// A value of 0..1 a pixel without pattern to the eye (J. Jimenez, Next generation post processing in Call of Duty, 2014).
fn gradient_noise(pixel: vec2<f32>) -> f32 {
    return fract(52.9829189 * fract(dot(pixel, vec2<f32>(0.06711056, 0.00583715))));
}
