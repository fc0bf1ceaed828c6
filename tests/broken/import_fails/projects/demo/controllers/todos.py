from projects.demo.libs.prices import CHEAPEST
